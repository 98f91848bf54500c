/** Results as people read them. */

import assert from "node:assert/strict";
import { attackCounts, cleanCounts, type Confusion } from "../../src/train/confusion.ts";
import type { EvaluationDocument } from "../../src/runs/evaluation.ts";
import { evaluationDocument, measurementWarnings, resultsTable } from "../../src/jobs/results.ts";

const CLASS_NAMES = ["cat", "dog"];

/** An evaluation of an attack on class 1, by counts of (label, prediction). */
function documentOf(...counts: number[]): EvaluationDocument {
  const confusion: Confusion = { classes: 2, counts: Uint32Array.from(counts) };
  const target = { mode: "all2one", label: 1 } as const;
  const attack = attackCounts(confusion, confusion, target);
  return evaluationDocument({ ...cleanCounts(confusion), attack, confusion, seconds: 1 }, {
    model: "model.pth",
    dataset: "pictures",
    adapter: "a GPU",
    backdoor: { name: "badnets", target, options: {}, seed: 1 },
  });
}

Deno.test("a share of no image is not measured for people and null for programs", () => {
  const document = documentOf(0, 0, 0, 60);
  assert.deepEqual(resultsTable([["model", document]]).split("\n"), [
    "       accuracy  outside target  attack success     recovered",
    "model  100.00 %    not measured    not measured  not measured",
  ]);
  assert.deepEqual(measurementWarnings(document, CLASS_NAMES), [
    "warning: attack success: not measured, no test image outside class 1 (dog)",
  ]);
  const { attack } = JSON.parse(JSON.stringify(document));
  assert.equal(attack.successRate, null);
  assert.equal(attack.recoveredAccuracy, null);
  assert.equal(attack.accuracyNonTarget, null);
});

Deno.test("a network that guesses is warned of, and one that was measured is not", () => {
  assert.match(measurementWarnings(documentOf(9, 9, 9, 9), CLASS_NAMES).join(), /than guessing/);
  assert.deepEqual(measurementWarnings(documentOf(50, 0, 0, 50), CLASS_NAMES), []);
});
