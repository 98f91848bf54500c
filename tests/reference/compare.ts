/** How far two arrays are apart. */

import assert from "node:assert/strict";

/** The largest absolute difference; NaN where either holds one. */
export function largestDifference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(found.length, expected.length, "lengths differ");
  let largest = 0;
  for (let i = 0; i < found.length; i++) {
    const difference = Math.abs(found[i]! - expected[i]!);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

/** The largest absolute value. */
export function largestMagnitude(array: ArrayLike<number>): number {
  return largestDifference(array, new Float32Array(array.length));
}

/** Throws unless the arrays differ by at most `relative` times the largest expected magnitude. */
export function assertNear(
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  relative: number,
  what: string,
): void {
  assert.equal(found.length, expected.length, `${what}: lengths differ`);
  const bound = relative * largestMagnitude(expected);
  for (let i = 0; i < found.length; i++) {
    if (!(Math.abs(found[i]! - expected[i]!) <= bound)) {
      assert.fail(`${what}: element ${i} is ${found[i]}, expected ${expected[i]} within ${bound}`);
    }
  }
}
