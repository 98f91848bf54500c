import assert from "node:assert/strict";
import { wilsonInterval } from "../../src/train/interval.ts";

/** By the formula in its textbook form, evaluated in Python. */
const KNOWN: readonly (readonly [part: number, whole: number, low: number, high: number])[] = [
  [89, 100, 0.8137, 0.9375],
  [87, 100, 0.7902, 0.9224],
  [0, 10, 0, 0.2775],
  [10, 10, 0.7225, 1],
  [1, 1, 0.2065, 1],
  [8480, 10000, 0.8408, 0.8549],
];

Deno.test("wilsonInterval() gives the textbook's numbers", () => {
  for (const [part, whole, low, high] of KNOWN) {
    const found = wilsonInterval(part, whole)!;
    assert.ok(Math.abs(found[0] - low) < 1e-4, `${part} of ${whole}: ${found}`);
    assert.ok(Math.abs(found[1] - high) < 1e-4, `${part} of ${whole}: ${found}`);
  }
});

Deno.test("wilsonInterval() of no images is none, and every other holds its share", () => {
  assert.equal(wilsonInterval(0, 0), null);
  for (let whole = 1; whole < 40; whole++) {
    for (let part = 0; part <= whole; part++) {
      const [low, high] = wilsonInterval(part, whole)!;
      assert.ok(0 <= low && low <= part / whole && part / whole <= high && high <= 1);
    }
  }
});
