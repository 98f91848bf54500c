/** Cells that differ by nothing but the seed, and what can be said of them together. */

import type { EvaluationDocument } from "../runs/evaluation.ts";
import type { CellResult } from "./cell_folder.ts";
import {
  meanMeasures,
  measuresOf,
  type Summaries,
  summarizeDifferences,
  summarizeMeasures,
} from "./measures.ts";
import type { Cell } from "./plan_rows.ts";
import { plannedRows, type Settings } from "../settings/plan.ts";

/** A finished cell. */
export interface FinishedCell {
  /** What it is. */
  readonly cell: Cell;
  /** What it came to. */
  readonly result: CellResult;
  /** What a clean network comes to, where the plan names one and its cell has finished. */
  readonly ceiling?: EvaluationDocument;
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
  /** Of the NAD group, without the seed; of a mean over models without the model. */
  readonly settings: Settings;
  /** How many models a mean is over. */
  readonly models?: number;
  /** Those that both have; without any there is nothing to compare. */
  readonly seeds: readonly number[];
  /** NAD minus control, paired by seed. */
  readonly differences: Summaries;
}

/** Settings that finetuning has no use for, and its name: what its control lacks of a NAD cell. */
const ONLY_NAD: ReadonlySet<string> = new Set([
  "defense",
  ...plannedRows("cell").filter(([, { defenses }]) => defenses?.includes("finetune") === false)
    .map(([key]) => key),
]);

/** Settings that a NAD cell with all betas 0 has no use for. */
const ONLY_ATTENTION: ReadonlySet<string> = new Set([
  "betas",
  "distill",
  "taps",
  "distance",
  "attention",
  "power",
  "floor",
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
  const models = plannedModels(planned);
  const attacked = finished.filter(({ result }) => result.before.attack && result.after.attack);
  return groups(attacked, SEED_AND_MODEL).flatMap(({ settings, members, key }) => {
    const count = models.get(key)?.size ?? 0;
    const whole = wholeSeeds(members, count);
    if (whole.length === 0) return [];
    const means = whole.map(({ cells }) => meanMeasures(cells.map(measured)));
    const seeds = whole.map(({ seed }) => seed);
    return [{ settings, seeds, models: count, summaries: summarizeMeasures(means) }];
  });
}

/** Names of the models that the plan has for equal settings, by those settings. */
function plannedModels(planned: readonly Cell[]): Map<string, Set<string>> {
  const models = new Map<string, Set<string>>();
  for (const { settings } of planned) {
    const key = keyOf(settings, SEED_AND_MODEL);
    models.set(key, (models.get(key) ?? new Set()).add(settings.model));
  }
  return models;
}

/** The seeds, ascending, that all of several `models` have a cell of. */
function wholeSeeds(
  members: readonly FinishedCell[],
  models: number,
): { seed: number; cells: readonly FinishedCell[] }[] {
  if (models < 2) return [];
  return [...Map.groupBy(members, ({ cell }) => cell.settings.seed)]
    .map(([seed, cells]) => ({ seed, cells }))
    .filter(({ cells }) => cells.length === models)
    .sort((a, b) => a.seed - b.seed);
}

/**
 * Each NAD group beside the cells that finetune with the same settings, paired by seed, and the mean
 * over models where every model that the plan has for these settings has both.
 *
 * @param planned All cells of the plan, finished or not.
 */
export function compareWithControls(
  planned: readonly Cell[],
  finished: readonly FinishedCell[],
): Comparison[] {
  return compare(planned, finished, {
    treated: ({ defense }) => defense === "nad",
    control: ({ defense }) => defense === "finetune",
    apart: ONLY_NAD,
  });
}

/** The same of each NAD group beside NAD with all betas 0, where there is such a cell. */
export function compareWithoutAttention(
  planned: readonly Cell[],
  finished: readonly FinishedCell[],
): Comparison[] {
  const zero = ({ betas }: Cell["settings"]) =>
    betas?.split(",").every((beta) => Number(beta) === 0) ?? false;
  return compare(planned, finished, {
    treated: (settings) => settings.defense === "nad" && !zero(settings),
    control: (settings) => settings.defense === "nad" && zero(settings),
    apart: ONLY_ATTENTION,
  }).filter(({ seeds }) => seeds.length > 0);
}

/** What is compared: cells of two kinds whose settings are equal but for those that set them apart. */
interface Pairing {
  readonly treated: (settings: Cell["settings"]) => boolean;
  readonly control: (settings: Cell["settings"]) => boolean;
  readonly apart: ReadonlySet<string>;
}

function compare(
  planned: readonly Cell[],
  finished: readonly FinishedCell[],
  { treated, control, apart }: Pairing,
): Comparison[] {
  const models = plannedModels(planned);
  const controls = new Map(
    finished.filter(({ cell }) => control(cell.settings))
      .map((one) => [keyOf(one.cell.settings, apart), measured(one)]),
  );
  const controlOf = ({ cell }: FinishedCell) => controls.get(keyOf(cell.settings, apart));
  const cells = finished.filter(({ cell }) => treated(cell.settings));
  const hasControl = (one: FinishedCell) => controlOf(one) !== undefined;
  return [
    ...groups(cells, SEED).map(({ settings, members }) => {
      const paired = members.filter(hasControl);
      return {
        settings,
        seeds: seedsOf(paired),
        differences: summarizeDifferences(paired.map((one) => [measured(one), controlOf(one)!])),
      };
    }),
    ...groups(cells.filter(hasControl), SEED_AND_MODEL).flatMap(({ settings, members, key }) => {
      const count = models.get(key)?.size ?? 0;
      const whole = wholeSeeds(members, count);
      if (whole.length === 0) return [];
      return [{
        settings,
        models: count,
        seeds: whole.map(({ seed }) => seed),
        differences: summarizeDifferences(whole.map(({ cells }) => [
          meanMeasures(cells.map(measured)),
          meanMeasures(cells.map((one) => controlOf(one)!)),
        ])),
      }];
    }),
  ];
}

const measured = ({ result, ceiling }: FinishedCell) => measuresOf(result, ceiling);

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

/** Equal for equal settings: they always come in the order of the table. */
function keyOf(settings: object, ignored: ReadonlySet<string>): string {
  return JSON.stringify(without(settings, ignored));
}

function seedsOf(members: readonly FinishedCell[]): number[] {
  return members.map(({ cell }) => cell.settings.seed).sort((a, b) => a - b);
}
