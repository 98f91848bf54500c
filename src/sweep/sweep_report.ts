/** What a sweep has come to: from the folders of its cells to everything that the report says. */

import { cellFolder, readCellRecord, readResult } from "./cell_folder.ts";
import type { EvaluationDocument } from "../runs/evaluation.ts";
import { readAttempts } from "./attempts.ts";
import {
  averageOverModels,
  compareWithControls,
  compareWithoutAttention,
  type Comparison,
  type FinishedCell,
  type Group,
  groupBySettings,
} from "./groups.ts";
import type { Plan } from "./plan.ts";
import type { Settings } from "../settings/plan.ts";

/** A cell without a result. */
export interface UnfinishedCell {
  /** Name of the cell. */
  readonly id: string;
  /** Of its last attempt, if that failed. */
  readonly failure: string | undefined;
}

/** The whole report, as data. */
export interface SweepReport {
  /** Of the plan. */
  readonly title: string;
  /** Of the plan; may be empty. */
  readonly description: string;
  /** Name of the plan's file. */
  readonly plan: string;
  /** With what determined their results. */
  readonly finished: readonly (FinishedCell & { readonly identity: Settings })[];
  /** In the plan's order. */
  readonly unfinished: readonly UnfinishedCell[];
  /** Cells that differ by the seed alone. */
  readonly groups: readonly Group[];
  /** Means over models. */
  readonly averages: readonly (Group & { readonly models: number })[];
  /** NAD beside finetuning, its control. */
  readonly comparisons: readonly Comparison[];
  /** NAD beside NAD with betas of 0, where the plan has both. */
  readonly attention: readonly Comparison[];
}

/**
 * Reads the cells of `plan` in the folder `out`.
 *
 * @param name Of the plan's file.
 * @throws {FormatError} where a record cannot be read.
 */
export async function readSweep(plan: Plan, out: string, name: string): Promise<SweepReport> {
  const finished: (FinishedCell & { identity: Settings })[] = [];
  const unfinished: UnfinishedCell[] = [];
  for (const cell of plan.cells) {
    const folder = cellFolder(out, cell.id);
    const result = await readResult(folder);
    if (result) {
      const identity = (await readCellRecord(folder))?.identity ?? {};
      finished.push({ cell, result, identity });
    } else {
      unfinished.push({ id: cell.id, failure: await lastFailure(folder) });
    }
  }
  const measured = withCeilings(finished);
  return {
    title: plan.title,
    description: plan.description,
    plan: name,
    finished: measured,
    unfinished,
    groups: groupBySettings(measured),
    averages: averageOverModels(plan.cells, measured),
    comparisons: compareWithControls(plan.cells, measured),
    attention: compareWithoutAttention(plan.cells, measured),
  };
}

/** Puts beside each cell what its model's ceiling came to. */
function withCeilings<T extends FinishedCell>(finished: readonly T[]): T[] {
  const measured = new Map<string, EvaluationDocument>();
  for (const { cell: { settings }, result } of finished) {
    if (settings.defense === "none") measured.set(settings.model, result.after);
  }
  return finished.map((one) => {
    const { ceiling: name } = one.cell.model;
    const ceiling = name === undefined ? undefined : measured.get(name);
    return ceiling ? { ...one, ceiling } : one;
  });
}

async function lastFailure(folder: string): Promise<string | undefined> {
  const ended = (await readAttempts(folder)).at(-1)?.record?.ended;
  return ended?.outcome === "failed" ? ended.message ?? "failed" : undefined;
}

/** Where the results were made, each once. */
export interface Provenance {
  /** Names of GPU adapters. */
  readonly adapters: readonly string[];
  /** Versions of this program. */
  readonly versions: readonly string[];
  /** Days on which runs began, `YYYY-MM-DD` in UTC, first and last. */
  readonly days: readonly string[];
}

/** Where and when the results of a report were made. */
export function provenance({ finished }: SweepReport): Provenance {
  const all = (value: (run: FinishedCell["result"]["run"]) => string) =>
    [...new Set(finished.map(({ result }) => value(result.run)))].sort();
  const days = all(({ started }) => started.slice(0, 10));
  return {
    adapters: all(({ adapter }) => adapter),
    versions: all(({ lethe }) => lethe),
    days: days.length > 1 ? [days[0]!, days.at(-1)!] : days,
  };
}
