/** What evaluations and audits out of files must be, to be shown or judged by. */

import assert from "node:assert/strict";
import { auditOf, auditsOf } from "../../src/runs/audit.ts";
import { evaluationOf, evaluationsOf } from "../../src/runs/evaluation.ts";
import { evaluationOf as sample, sampleAudit } from "../report/sample_run.ts";

Deno.test("evaluationOf() reads an evaluation with and without an attack", () => {
  assert.deepEqual(evaluationOf(sample(0.9, 0.5)), sample(0.9, 0.5));
  assert.deepEqual(evaluationOf(sample(0.9)), sample(0.9));
});

Deno.test("evaluationOf() is undefined of anything else, and of counts that cannot be", () => {
  const { attack, ...clean } = sample(0.9, 0.5);
  const changes = [
    { samples: 1e308 },
    { samples: 1.5 },
    { correct: -1 },
    { correct: 301 },
    { accuracy: 1e308 },
    { accuracy: "0.9" },
    { accuracy: undefined },
    { attack: { ...attack, target: -1 } },
    { attack: { ...attack, success: 201 } },
    { attack: { ...attack, successRate: 2 } },
    { attack: { ...attack, name: undefined } },
  ];
  for (const value of [undefined, null, 7, "x", [], {}, { toString: 1 }]) {
    assert.equal(evaluationOf(value), undefined);
  }
  for (const change of changes) {
    assert.equal(evaluationOf({ ...clean, ...change }), undefined, JSON.stringify(change));
  }
});

Deno.test("evaluationOf() takes no share of no image, whatever was recorded", () => {
  const { attack, ...clean } = sample(0.9, 0.5);
  const counts = { samples: 0, success: 0, correct: 0, correctNonTarget: 0 };
  for (const share of [null, 0, 1]) {
    const shares = { successRate: share, recoveredAccuracy: share, accuracyNonTarget: share };
    const found = evaluationOf({ ...clean, attack: { ...attack, ...counts, ...shares } });
    assert.equal(found?.attack?.successRate, null);
    assert.equal(found?.attack?.recoveredAccuracy, null);
    const none = { ...clean, samples: 0, correct: 0, accuracy: share };
    assert.equal(evaluationOf(none)?.accuracy, null);
  }
});

Deno.test("evaluationsOf() has the measured stages of a run, whatever they are called", () => {
  const results = JSON.parse(
    `{"notes":{},"__proto__":${JSON.stringify(sample(0.5))},"before":${
      JSON.stringify(sample(0.9))
    }}`,
  );
  assert.deepEqual(evaluationsOf({ results }).map(([stage]) => stage), ["__proto__", "before"]);
});

Deno.test("auditOf() reads an audit, and is undefined of anything else", () => {
  const audit = sampleAudit([2]);
  assert.deepEqual(auditOf(audit), audit);
  const [first] = audit.classes;
  const changes = [
    { classes: [] },
    { classes: [{ label: 1 }] },
    { classes: [first, first], flagged: [] },
    { classes: [{ ...first, label: 9007199254740991 }], flagged: [] },
    { classes: [{ ...first, anomaly: 1e308 }], flagged: [] },
    { classes: [{ ...first, maskNorm: -1 }], flagged: [] },
    { flagged: [3] },
    { anomalyIndex: null },
    { accuracy: 2 },
  ];
  for (const value of [null, {}, [], ...changes.map((change) => ({ ...audit, ...change }))]) {
    assert.equal(auditOf(value), undefined, JSON.stringify(value));
  }
});

Deno.test("auditsOf() leaves out an audit that is damaged", () => {
  const results = { audit: { before: sampleAudit([2]), after: { classes: 1 }, other: {} } };
  assert.deepEqual(auditsOf({ results }), { before: sampleAudit([2]) });
  assert.deepEqual(auditsOf({ results: { audit: 7 } }), {});
});
