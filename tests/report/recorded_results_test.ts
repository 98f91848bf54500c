import assert from "node:assert/strict";
import { auditDocument, stageResult } from "../../src/report/recorded_results.ts";
import { evaluationOf, sampleAudit } from "./sample_run.ts";

Deno.test("stageResult() reads an evaluation with and without an attack", () => {
  assert.deepEqual(stageResult(evaluationOf(0.9, 0.5)), evaluationOf(0.9, 0.5));
  assert.deepEqual(stageResult({ ...evaluationOf(0.9), model: "x" }), evaluationOf(0.9));
});

Deno.test("stageResult() is undefined of anything else", () => {
  for (const value of [undefined, null, 7, "x", [], {}, { accuracy: "0.9", samples: 1 }]) {
    assert.equal(stageResult(value), undefined);
  }
});

Deno.test("stageResult() leaves out an attack that is incomplete", () => {
  const { attack, ...clean } = evaluationOf(0.9, 0.5) as Record<string, unknown>;
  const damaged = { ...attack as object, successRate: null };
  assert.deepEqual(stageResult({ ...clean, attack: damaged }), clean);
});

Deno.test("auditDocument() reads an audit", () => {
  assert.deepEqual(auditDocument(sampleAudit([2])), sampleAudit([2]));
});

Deno.test("auditDocument() takes classes above the threshold where none are listed", () => {
  assert.deepEqual(auditDocument({ ...sampleAudit([1]), flagged: true })?.flagged, [1]);
  assert.deepEqual(auditDocument({ ...sampleAudit([]), flagged: false })?.flagged, []);
});

Deno.test("auditDocument() is undefined of anything else", () => {
  const audit = sampleAudit([]);
  for (
    const value of [null, {}, { ...audit, classes: [] }, { ...audit, classes: [{ label: 1 }] }]
  ) {
    assert.equal(auditDocument(value), undefined);
  }
});

Deno.test("stageResult() takes no share of no image, whatever was recorded", () => {
  const { attack, ...clean } = evaluationOf(0.9, 0.5);
  for (const share of [null, 0, 1]) {
    const shares = { successRate: share, recoveredAccuracy: share, accuracyNonTarget: share };
    const result = stageResult({ ...clean, attack: { ...attack, ...shares, samples: 0 } });
    assert.equal(result?.attack?.successRate, null);
    assert.equal(result?.attack?.recoveredAccuracy, null);
    assert.equal(stageResult({ samples: 0, correct: 0, accuracy: share })?.accuracy, null);
  }
});
