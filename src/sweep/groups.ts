/** Cells that differ by nothing but the seed, and what can be said of them together. */

import type { CellEvaluation, CellResult } from "./cell_folder.ts";
import {
  meanMeasures,
  type Measures,
  measuresOf,
  type Summaries,
  summarizeDifferences,
  summarizeMeasures,
} from "./measures.ts";
import type { Cell } from "./plan_rows.ts";
import type { Settings } from "./plan_file.ts";
import { CONCERNS } from "./plan_settings.ts";

/** A finished cell. */
export interface FinishedCell {
  /** What it is. */
  readonly cell: Cell;
  /** What it came to. */
  readonly result: CellResult;
  /** What a clean network comes to, where the plan names one and its cell has finished. */
  readonly ceiling?: CellEvaluation;
}

/** Cells of equal settings. */
export interface Group {
  /** Settings of its cells, without the seed. */
  readonly settings: Settings;
  /** Ascending. */
  readonly seeds: readonly number[];
  /** Over the seeds. */
  readonly summaries: Summaries;
}

/** A NAD group beside its control. */
export interface Comparison {
  /** Of the NAD group, without the seed. */
  readonly settings: Settings;
  /** Those that both have; without any there is nothing to compare. */
  readonly seeds: readonly number[];
  /** NAD minus control, paired by seed. */
  readonly differences: Summaries;
}

/** Settings that finetuning has no use for, and its name: what its control lacks of a NAD cell. */
const ONLY_NAD: ReadonlySet<string> = new Set([
  "defense",
  ...Object.entries(CONCERNS).filter(([, defenses]) => !defenses.includes("finetune"))
    .map(([key]) => key),
]);

const SEED: ReadonlySet<string> = new Set(["seed"]);
const SEED_AND_MODEL: ReadonlySet<string> = new Set(["seed", "model"]);

/** The groups, in the order of their first cells. */
export function groupBySettings(finished: readonly FinishedCell[]): Group[] {
  return groups(finished, SEED).map(({ settings, members }) => ({
    settings,
    seeds: seedsOf(members),
    summaries: summarizeMeasures(members.map(measured)),
  }));
}

/**
 * Means over models: each seed counts as one value, the mean over all models, and only where every
 * model has a finished cell. Empty unless there are several models that carry an attack.
 *
 * @param planned All cells of the plan, finished or not: they say which models there are.
 */
export function averageOverModels(
  planned: readonly Cell[],
  finished: readonly FinishedCell[],
): (Group & { readonly models: number })[] {
  const modelsOf = new Map<string, Set<string>>();
  for (const { settings } of planned) {
    const key = keyOf(settings, SEED_AND_MODEL);
    modelsOf.set(key, (modelsOf.get(key) ?? new Set()).add(settings.model));
  }
  const attacked = finished.filter(({ result }) => result.before.attack && result.after.attack);
  return groups(attacked, SEED_AND_MODEL).flatMap(({ settings, members, key }) => {
    const models = modelsOf.get(key)?.size ?? 0;
    const bySeed = Map.groupBy(members, ({ cell }) => cell.settings.seed);
    const whole = [...bySeed].filter(([, cells]) => cells.length === models);
    if (models < 2 || whole.length === 0) return [];
    const means = whole.map(([, cells]) => meanMeasures(cells.map(measured)));
    const seeds = whole.map(([seed]) => seed).sort((a, b) => a - b);
    return [{ settings, seeds, models, summaries: summarizeMeasures(means) }];
  });
}

/** Each NAD group beside the cells that finetune with the same settings, paired by seed. */
export function compareWithControls(finished: readonly FinishedCell[]): Comparison[] {
  const controls = new Map<string, Measures>();
  for (const finishedCell of finished) {
    const { settings } = finishedCell.cell;
    if (settings.defense === "finetune") controls.set(controlKey(settings), measured(finishedCell));
  }
  const treated = finished.filter(({ cell }) => cell.settings.defense === "nad");
  return groups(treated, SEED).map(({ settings, members }) => {
    const paired = members.filter(({ cell }) => controls.has(controlKey(cell.settings)));
    return {
      settings,
      seeds: seedsOf(paired),
      differences: summarizeDifferences(
        paired.map((finishedCell) => [
          measured(finishedCell),
          controls.get(controlKey(finishedCell.cell.settings))!,
        ]),
      ),
    };
  });
}

const measured = ({ result, ceiling }: FinishedCell) => measuresOf(result, ceiling);

const controlKey = (settings: object) => keyOf(settings, ONLY_NAD);

interface Members {
  readonly key: string;
  readonly settings: Settings;
  readonly members: readonly FinishedCell[];
}

/** Cells whose settings are equal but for `ignored` ones. */
function groups(cells: readonly FinishedCell[], ignored: ReadonlySet<string>): Members[] {
  const found = Map.groupBy(cells, ({ cell }) => keyOf(cell.settings, ignored));
  return [...found].map(([key, members]) => ({
    key,
    members,
    settings: without(members[0]!.cell.settings, ignored),
  }));
}

function without(settings: object, ignored: ReadonlySet<string>): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !ignored.has(key)));
}

/** Equal for equal settings: they always come in the order of `ROW_KINDS`. */
function keyOf(settings: object, ignored: ReadonlySet<string>): string {
  return JSON.stringify(without(settings, ignored));
}

function seedsOf(members: readonly FinishedCell[]): number[] {
  return members.map(({ cell }) => cell.settings.seed).sort((a, b) => a - b);
}
