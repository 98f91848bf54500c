import assert from "node:assert/strict";
import { attackCounts, cleanCounts } from "../../src/train/confusion.ts";

/** Rows are labels, columns predictions. */
const confusion = (...rows: number[][]) => ({
  classes: rows.length,
  counts: Uint32Array.from(rows.flat()),
});

const CLEAN = confusion([8, 1, 1], [2, 17, 1], [0, 3, 27]);
const TRIGGERED = confusion([2, 7, 1], [1, 18, 1], [4, 20, 6]);

Deno.test("cleanCounts() counts the diagonal", () => {
  assert.deepEqual(cleanCounts(CLEAN), { samples: 60, correct: 52, accuracy: 52 / 60 });
});

Deno.test("attackCounts() of all2one leaves out the images of the target class", () => {
  assert.deepEqual(attackCounts(CLEAN, TRIGGERED, { mode: "all2one", label: 1 }), {
    samples: 40,
    success: 27, // 7 of class 0 and 20 of class 2 are taken for class 1.
    successRate: 27 / 40,
    correct: 8, // 2 of class 0 and 6 of class 2 are still recognised.
    recoveredAccuracy: 8 / 40,
    correctNonTarget: 35,
    accuracyNonTarget: 35 / 40,
  });
});

Deno.test("attackCounts() of all2all counts every image, and the next class as success", () => {
  assert.deepEqual(attackCounts(CLEAN, TRIGGERED, { mode: "all2all", label: 0 }), {
    samples: 60,
    success: 12, // 7 of class 0 as 1, 1 of class 1 as 2, 4 of class 2 as 0.
    successRate: 12 / 60,
    correct: 26,
    recoveredAccuracy: 26 / 60,
    correctNonTarget: 52,
    accuracyNonTarget: 52 / 60,
  });
});

Deno.test("shares of no images are null", () => {
  const none = confusion([0, 0], [0, 0]);
  assert.equal(cleanCounts(none).accuracy, null);
  const counts = attackCounts(none, none, { mode: "all2one", label: 0 });
  assert.equal(counts.successRate, null);
  assert.equal(counts.recoveredAccuracy, null);
  assert.equal(counts.accuracyNonTarget, null);
});

Deno.test("attackCounts() of images of the target class only measures no share", () => {
  const dogs = confusion([0, 0], [0, 6]);
  const { samples, successRate } = attackCounts(dogs, dogs, { mode: "all2one", label: 1 });
  assert.equal(samples, 0);
  assert.equal(successRate, null);
});
