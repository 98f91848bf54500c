import assert from "node:assert/strict";
import { isNearChance } from "../../src/train/chance.ts";

Deno.test("isNearChance() is true for guesses, of many images and of few", () => {
  assert.ok(isNearChance(0.1, 10_000, 10));
  assert.ok(isNearChance(0.14, 10_000, 10), "half as good again as guessing is no use either");
  assert.ok(isNearChance(0.3, 20, 10), "six of twenty may be luck");
  assert.ok(isNearChance(0.02, 1000, 10), "worse than guessing");
});

Deno.test("isNearChance() is false for a network that knows something", () => {
  assert.ok(!isNearChance(0.2, 1000, 10));
  assert.ok(!isNearChance(0.8, 20, 10));
  assert.ok(!isNearChance(0.9, 100, 2));
});

Deno.test("isNearChance() says nothing of an accuracy that was not measured", () => {
  assert.ok(!isNearChance(null, 0, 10));
});
