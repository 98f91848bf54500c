import assert from "node:assert/strict";
import { linearAxis, logarithmicAxis } from "../../src/report/axis.ts";

Deno.test("linearAxis() has ticks at 1, 2 or 5 times a power of ten around the values", () => {
  for (
    const [least, most, wanted, ticks] of [
      [0, 1, 4, [0, 0.5, 1]],
      [0, 0.97, 5, [0, 0.2, 0.4, 0.6, 0.8, 1]],
      [0, 2.14, 4, [0, 1, 2, 3]],
      [3, 47, 5, [0, 10, 20, 30, 40, 50]],
      [-3, 4, 5, [-4, -2, 0, 2, 4]],
      [0, 3e-4, 3, [0, 1e-4, 2e-4, 3e-4]],
    ] as const
  ) {
    assert.deepEqual(linearAxis(least, most, wanted).ticks, ticks);
  }
});

Deno.test("linearAxis() counts by whole numbers where that is asked", () => {
  assert.deepEqual(linearAxis(1, 2, 5, 1).ticks, [1, 2]);
  assert.deepEqual(linearAxis(1, 15, 5, 1).ticks, [0, 5, 10, 15]);
});

Deno.test("linearAxis() runs from 0 at its first tick to 1 at its last", () => {
  const { ticks, position } = linearAxis(3, 47, 5);
  assert.equal(position(ticks[0]!), 0);
  assert.equal(position(ticks.at(-1)!), 1);
  assert.equal(position(25), 0.5);
});

Deno.test("linearAxis() has two ends also where all values are equal", () => {
  for (const value of [0, 0.05, 7, -2]) {
    const { ticks, position } = linearAxis(value, value, 4);
    assert.ok(ticks.length >= 2, String(ticks));
    assert.ok(position(value) >= 0 && position(value) <= 1);
  }
});

Deno.test("logarithmicAxis() has a tick at every power of ten around the values", () => {
  const { ticks, position } = logarithmicAxis(3e-5, 0.4);
  assert.deepEqual(ticks.map((tick) => Math.round(Math.log10(tick))), [-5, -4, -3, -2, -1, 0]);
  assert.equal(position(1), 1);
  assert.ok(Math.abs(position(1e-3) - 0.4) < 1e-12);
  assert.equal(logarithmicAxis(10, 10).ticks.length, 2);
});
