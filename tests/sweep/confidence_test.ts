/** Means and intervals beside published quantiles of Student's t. */

import assert from "node:assert/strict";
import { criticalT, summarize } from "../../src/sweep/confidence.ts";

Deno.test("criticalT() is the 97.5 % quantile of Student's t", () => {
  // SciPy 1.17.1: scipy.stats.t.ppf(0.975, degrees)
  const expected = [
    [1, 12.7062047362],
    [2, 4.30265272975],
    [3, 3.18244630528],
    [4, 2.77644510520],
    [5, 2.57058183564],
    [9, 2.26215716280],
    [10, 2.22813885199],
    [29, 2.04522964213],
    [100, 1.98397151852],
  ] as const;
  for (const [degrees, value] of expected) {
    assert.ok(Math.abs(criticalT(degrees) - value) < 1e-9, `${degrees}: ${criticalT(degrees)}`);
  }
});

Deno.test("summarize() gives the mean and half its 95 % interval", () => {
  // Mean 5, standard deviation 2 (n - 1), standard error 2 / sqrt(3).
  const { n, mean, halfWidth } = summarize([3, 5, 7]);
  assert.deepEqual([n, mean], [3, 5]);
  assert.ok(Math.abs(halfWidth! - 4.30265272975 * 2 / Math.sqrt(3)) < 1e-9);
});

Deno.test("summarize() has no interval for one value, and a width of 0 for equal ones", () => {
  assert.deepEqual(summarize([0.25]), { n: 1, mean: 0.25, halfWidth: null });
  assert.equal(summarize([0.25, 0.25]).halfWidth, 0);
  assert.throws(() => summarize([]), RangeError);
});

Deno.test("summarize() covers the true mean in 95 % of cases", () => {
  let state = 7;
  const uniform = () => (state = state * 48271 % 2147483647) / 2147483647;
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  let covered = 0;
  for (let i = 0; i < 4000; i++) {
    const { mean, halfWidth } = summarize([normal(), normal(), normal()]);
    if (Math.abs(mean) <= halfWidth!) covered++;
  }
  // Five standard deviations of the count.
  assert.ok(Math.abs(covered / 4000 - 0.95) < 5 * Math.sqrt(0.95 * 0.05 / 4000), `${covered}`);
});
