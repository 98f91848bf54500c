/** Results of cells as tests state them. */

import type { EvaluationDocument } from "../../src/runs/evaluation.ts";
import type { CellResult } from "../../src/sweep/cell_folder.ts";
import type { FinishedCell } from "../../src/sweep/groups.ts";
import { parsePlan, type Plan } from "../../src/sweep/plan.ts";
import type { PlanRow } from "../../src/sweep/plan_file.ts";

/** Accuracy, and attack success and recovered accuracy where an attack is measured. */
export type Shares = readonly [accuracy: number, success?: number, recovered?: number];

function evaluation([accuracy, success, recovered]: Shares): EvaluationDocument {
  const counts = {
    model: "model.safetensors",
    dataset: "signs",
    samples: 1000,
    correct: Math.round(1000 * accuracy),
    accuracy,
    adapter: "an adapter",
    seconds: 1,
  };
  if (success === undefined || recovered === undefined) return counts;
  return {
    ...counts,
    attack: {
      name: "badnets",
      target: 7,
      samples: 900,
      success: Math.round(900 * success),
      successRate: success,
      correct: Math.round(900 * recovered),
      recoveredAccuracy: recovered,
      correctNonTarget: Math.round(900 * accuracy),
      accuracyNonTarget: accuracy,
    },
  };
}

/** The result of a run. */
export function resultOf(before: Shares, after: Shares): CellResult {
  return {
    before: evaluation(before),
    after: evaluation(after),
    run: {
      adapter: "an adapter",
      lethe: "0.1.0",
      started: "2026-11-22T12:00:00.000Z",
      seconds: 60,
    },
  };
}

/** The text of the `run.json` of a finished cell. */
export function recordText(
  { run, before, after }: CellResult,
  results: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({
    command: "defend",
    ...run,
    deno: "2.9.6",
    finished: true,
    settings: {},
    results: { before, after, ...results },
  });
}

/** A plan of the models `a` and `b`. */
export function planOf(cells: readonly PlanRow[], title = "A plan"): Plan {
  const model = { model: "model.safetensors", dataset: "signs", attack: "recorded" };
  const plan = { title, models: { a: model, b: model }, teachers: { t: "t.pth" }, cells };
  return parsePlan(new TextEncoder().encode(JSON.stringify(plan)), "plan.json");
}

/** Finished cells of a plan, each with what `after` says of it; 0.9, 1 and 0 before. */
export function finish(
  plan: Plan,
  after: (cell: FinishedCell["cell"]) => Shares | undefined,
): FinishedCell[] {
  return plan.cells.flatMap((cell) => {
    const shares = after(cell);
    const before: Shares = shares?.length === 1 ? [0.9] : [0.9, 1, 0];
    return shares ? [{ cell, result: resultOf(before, shares) }] : [];
  });
}
