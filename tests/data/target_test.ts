import assert from "node:assert/strict";
import { countsForAttack, type Target, targetOf } from "../../src/data/target.ts";

Deno.test("all2one sends every class to the target, which itself does not count", () => {
  const target: Target = { mode: "all2one", label: 2 };
  assert.deepEqual([0, 1, 2, 3].map((label) => targetOf(target, label, 4)), [2, 2, 2, 2]);
  assert.deepEqual(
    [0, 1, 2, 3].map((label) => countsForAttack(target, label, 4)),
    [true, true, false, true],
  );
});

Deno.test("all2all sends every class to the next, the last to the first, and all count", () => {
  const target: Target = { mode: "all2all", label: 2 };
  assert.deepEqual([0, 1, 2, 3].map((label) => targetOf(target, label, 4)), [1, 2, 3, 0]);
  assert.deepEqual([0, 1, 2, 3].map((label) => countsForAttack(target, label, 4)), [
    true,
    true,
    true,
    true,
  ]);
});
