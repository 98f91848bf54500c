/** Which epoch is kept. */

import assert from "node:assert/strict";
import { choose, type Kept } from "../../src/train/selection.ts";

/** The epochs kept after each of some accuracies, of 100 images. */
function kept(...accuracies: number[]): number[] {
  let choice: Omit<Kept, "state"> | undefined;
  return accuracies.map((accuracy, i) => {
    choice = choose(choice, i + 1, { correct: Math.round(accuracy * 100), samples: 100 });
    return choice.epoch;
  });
}

Deno.test("choose() keeps the latest epoch within a standard error of the best", () => {
  assert.deepEqual(kept(0.5, 0.6, 0.7), [1, 2, 3]);
  // The standard error of 0.7 over 100 images is 0.0458.
  assert.deepEqual(kept(0.7, 0.66, 0.65, 0.64), [1, 2, 2, 2]);
  assert.deepEqual(kept(0.7, 0.5, 0.69), [1, 1, 3]);
});

Deno.test("choose() measures by the best accuracy, not by that of the kept epoch", () => {
  assert.deepEqual(kept(0.7, 0.66, 0.62), [1, 2, 2]);
});

Deno.test("choose() keeps only equals of a perfect epoch", () => {
  assert.deepEqual(kept(1, 0.99, 1), [1, 1, 3]);
});
