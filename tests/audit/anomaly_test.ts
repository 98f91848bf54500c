import assert from "node:assert/strict";
import { median, robustDeviations } from "../../src/audit/anomaly.ts";
import { assertNear } from "../reference/compare.ts";

Deno.test("median() takes the middle, or the mean of both", () => {
  assert.equal(median([7, 1, 100]), 7);
  assert.equal(median([4, 10, 1, 2]), 3);
});

Deno.test("robustDeviations() are standard deviations that outliers do not widen", () => {
  const found = robustDeviations([1, 2, 3, 4, 1000], 0.5);
  assertNear(found, [-2, -1, 0, 1, 997].map((value) => value / 1.4826), 1e-12, "deviations");
});

Deno.test("robustDeviations() of values that lie close together divides by the least spread", () => {
  assert.deepEqual(robustDeviations([5, 5, 6], 0.5), [0, 0, 2]);
});
