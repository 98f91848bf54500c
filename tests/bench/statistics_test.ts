import assert from "node:assert/strict";
import { quantile, summarize } from "../../src/bench/statistics.ts";

Deno.test("quantile() interpolates between sorted values", () => {
  const values = [40, 10, 30, 20];
  assert.equal(quantile(values, 0), 10);
  assert.equal(quantile(values, 0.5), 25);
  assert.equal(quantile(values, 0.75), 32.5);
  assert.equal(quantile(values, 1), 40);
  assert.deepEqual(values, [40, 10, 30, 20], "the values stay as they are");
});

Deno.test("summarize() gives the median and half the distance of the quartiles over it", () => {
  assert.deepEqual(summarize([8, 10, 12, 9, 100]), { median: 10, spread: (12 - 9) / 2 / 10 });
  assert.deepEqual(summarize([7]), { median: 7, spread: 0 });
});

Deno.test("summarize() throws where there is nothing to summarize", () => {
  assert.throws(() => summarize([]), RangeError);
});
