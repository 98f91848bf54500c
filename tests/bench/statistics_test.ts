import assert from "node:assert/strict";
import { measuredStretches, quantile, summarize } from "../../src/bench/statistics.ts";

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

Deno.test("measuredStretches() leaves out the first two stretches", () => {
  const fences = [
    { steps: 2, milliseconds: 1000 },
    { steps: 4, milliseconds: 1500 },
    { steps: 14, milliseconds: 2500 },
    { steps: 19, milliseconds: 3500 },
  ];
  assert.deepEqual(measuredStretches(fences), { times: [100, 200], seconds: 2 });
});

Deno.test("measuredStretches() of a run of one or two stretches takes them all", () => {
  const fences = [{ steps: 2, milliseconds: 1000 }, { steps: 4, milliseconds: 1500 }];
  assert.deepEqual(measuredStretches(fences), { times: [500, 250], seconds: 1.5 });
  assert.deepEqual(measuredStretches(fences.slice(0, 1)), { times: [500], seconds: 1 });
});
