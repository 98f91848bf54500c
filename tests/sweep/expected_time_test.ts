/** How long a sweep is expected to take, by the cells that have finished. */

import assert from "node:assert/strict";
import { ExpectedTimes } from "../../src/sweep/expected_time.ts";
import { planOf } from "./results.ts";

const CELLS = planOf([
  { model: "a", defense: ["finetune", "nad"], seed: [1, 2, 3] },
  { model: "b", defense: "nad", seed: 1 },
]).cells;

const cellOf = (id: string) => CELLS.find((cell) => cell.id.startsWith(id))!;

Deno.test("ExpectedTimes go by cells of the same model and defence, else the defence, else all", () => {
  const times = new ExpectedTimes();
  assert.equal(times.of(cellOf("a_nad")), undefined);
  times.add({ cell: cellOf("a_finetune"), seconds: 10 });
  assert.equal(times.of(cellOf("a_nad")), 10);
  times.add({ cell: cellOf("a_nad_lethe_seed-1"), seconds: 20 });
  times.add({ cell: cellOf("a_nad_lethe_seed-2"), seconds: 40 });
  assert.equal(times.of(cellOf("a_nad_lethe_seed-3")), 30);
  assert.equal(times.of(cellOf("b_nad")), 30);
  assert.equal(times.of(cellOf("a_finetune")), 10);
});

Deno.test("ExpectedTimes share what is left among workers, less what has been run", () => {
  const times = new ExpectedTimes([
    { cell: cellOf("a_finetune"), seconds: 10 },
    { cell: cellOf("a_nad"), seconds: 100 },
  ]);
  const left = [
    { cell: cellOf("a_finetune_lethe_seed-2"), running: 4 },
    { cell: cellOf("a_finetune_lethe_seed-3"), running: 99 },
    { cell: cellOf("a_nad_lethe_seed-2"), running: 0 },
  ];
  assert.equal(times.left(left, 1), 106);
  assert.equal(times.left(left, 2), 100, "one cell is not shared");
  assert.equal(times.left([], 2), 0);
  assert.equal(new ExpectedTimes().left(left, 2), undefined);
});

Deno.test("ExpectedTimes of ten thousand cells take no longer by those that have finished", () => {
  const times = new ExpectedTimes();
  for (let i = 0; i < 10_000; i++) times.add({ cell: cellOf("a_nad"), seconds: 1 });
  const left = Array.from({ length: 10_000 }, () => ({ cell: cellOf("a_nad"), running: 0 }));
  assert.equal(times.left(left, 1), 10_000);
});
