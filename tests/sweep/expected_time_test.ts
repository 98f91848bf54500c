/** Expected times grow with the work, and follow what was measured. */

import assert from "node:assert/strict";
import {
  ASSUMED_IMAGES_PER_SECOND,
  cellWork,
  expectedSeconds,
  secondsLeft,
  type TimedCell,
  withFindings,
} from "../../src/sweep/expected_time.ts";
import type { PlanRow } from "../../src/sweep/plan_file.ts";
import { planOf } from "./results.ts";

function timed(row: PlanRow, more: Partial<TimedCell> = {}): TimedCell {
  const cell = planOf([{ model: "a", recipe: "paper", ...row }]).cells[0]!;
  const signs = { attack: "badnets", architecture: "wrn-16-1", trainImages: 12_000 };
  return { ...cell, ...signs, ...more };
}

Deno.test("cellWork() counts images trained and evaluated", () => {
  const row = { defense: "finetune", "clean-fraction": 0.1, epochs: 5 };
  // 1,200 images in 5 epochs; 2,000 test images with and without trigger, before and after.
  assert.equal(cellWork(timed(row)), 5 * 1200 + 0.3 * 2 * 2 * 2000);
  assert.equal(cellWork(timed({ ...row, limit: 100 })), 5 * 1200 + 0.3 * 2 * 2 * 100);
  assert.equal(cellWork(timed(row, { attack: null })), 5 * 1200 + 0.3 * 2 * 2000);
  const larger = cellWork(timed(row, { architecture: "wrn-28-2" })) / cellWork(timed(row));
  assert.equal(larger, 8, "twice the blocks, four times as wide");
});

Deno.test("cellWork() knows what makes a defence longer", () => {
  const work = (row: PlanRow) => cellWork(timed({ limit: 1, ...row }));
  const nad = work({ defense: "nad" });
  assert.ok(nad > 2 * work({ defense: "finetune" }));
  assert.ok(work({ defense: "nad", teacher: "t" }) < nad);
  assert.ok(work({ defense: "nad", iterations: 3 }) > 2 * nad - work({ defense: "finetune" }));
  const records = { defense: "finetune", "train-indices": "100:700" };
  assert.equal(work(records), work({ defense: "finetune", "clean-fraction": 0.05 }));
});

Deno.test("withFindings() counts once what cells have in common", () => {
  const rows: PlanRow[] = [
    { defense: "finetune" },
    { defense: "nad", betas: "1,2,3" },
    { defense: "nad", betas: "4,5,6" },
    { defense: "nad", seed: 2 },
    { defense: "mcr", epochs: 3, "teacher-epochs": 10 },
    { defense: "mcr", epochs: 3 },
    { defense: "nad", teacher: "t" },
    { defense: "fine-pruning" },
    { defense: "nad", recipe: "lethe" },
    { defense: "nad", model: "b" },
    { defense: "finetune", extrapolation: 0.1 },
    { defense: "nad", extrapolation: 0.1 },
  ];
  const cells = rows.map((row) => timed(row));
  const found = (imported: string[] = []) =>
    withFindings(cells, new Set(imported)).map(({ found }) =>
      (found!.measured ? "m" : "") + (found!.finetuned ? "f" : "")
    );
  assert.deepEqual(found(), ["", "mf", "mf", "m", "mf", "m", "m", "m", "m", "", "m", "mf"]);
  const given = found([cells[0]!.id]);
  assert.deepEqual(given.slice(0, 3), ["", "", "mf"], "imported cells have no models");

  const [finetune, nad] = withFindings(cells, new Set()) as [TimedCell, TimedCell];
  assert.equal(cellWork(finetune), cellWork(cells[0]!));
  const saved = cellWork(cells[1]!) - cellWork(nad);
  assert.equal(Math.round(saved), 0.05 * 12_000 * 10 + 0.3 * 2 * 2000);
});

Deno.test("expectedSeconds() assumes a speed, until cells alike or at least others are measured", () => {
  const cell = timed({ defense: "nad" });
  const other = timed({ defense: "finetune" });
  const work = cellWork(cell);
  assert.equal(expectedSeconds(cell, []), work / ASSUMED_IMAGES_PER_SECOND);
  const slow = { cell: other, seconds: cellWork(other) / 10 };
  assert.ok(Math.abs(expectedSeconds(cell, [slow]) - work / 10) < 1e-9);
  const alike = { cell: timed({ defense: "nad", seed: 2 }), seconds: 77 };
  assert.ok(Math.abs(expectedSeconds(cell, [slow, alike]) - 77) < 1e-9);
  const imported = { ...alike, imported: true };
  assert.ok(Math.abs(expectedSeconds(cell, [slow, imported]) - work / 10) < 1e-9);
  assert.ok(Math.abs(expectedSeconds(cell, [imported]) - 77) < 1e-9);
});

Deno.test("secondsLeft() divides by the workers and takes off what has been running", () => {
  const cell = timed({ defense: "nad" });
  const timings = [{ cell, seconds: 60 }];
  const left = [{ cell, running: 30 }, { cell, running: 0 }, { cell, running: 90 }];
  assert.equal(secondsLeft(left, timings, 1), 90);
  assert.equal(secondsLeft(left, timings, 3), 60, "the longest takes its time");
  assert.equal(secondsLeft([], timings, 1), 0);
  const fresh = [{ cell, running: 0 }, { cell, running: 0 }];
  assert.equal(secondsLeft(fresh, [], 2), secondsLeft(fresh, [], 1), "the assumed speed is shared");
});
