/** How long cells will take: images times epochs over images a second, measured or assumed. */

import { findDefense } from "../defenses/defenses.ts";
import { type Recipe, RECIPES } from "../defenses/recipes.ts";
import { plannedRows } from "../settings/plan.ts";
import type { ReadyCell } from "./ready_cells.ts";

/** What a cell's time depends on. */
export type TimedCell =
  & Pick<
    ReadyCell,
    "id" | "settings" | "model" | "attack" | "architecture" | "trainImages"
  >
  & {
    /** What it finds done by cells before it. */
    readonly found?: {
      /** The measurement of the model as it came. */
      readonly measured: boolean;
      /** A copy finetuned as the cell would. */
      readonly finetuned: boolean;
    };
  };

/** A cell that has finished, and how long its run took. */
export interface Timing {
  /** Which. */
  readonly cell: TimedCell;
  /** Wall time. */
  readonly seconds: number;
  /** Whether it ran in another folder, perhaps on another machine; default false. */
  readonly imported?: boolean;
}

/**
 * Training images a second of a WRN-16-1 where nothing was measured yet: llvmpipe on two cores,
 * 2026-11-22. On a GPU the first finished cell will put it right.
 */
export const ASSUMED_IMAGES_PER_SECOND = 330;

/** A distillation step in training steps: the teacher's forward pass, and the maps. */
const DISTILLATION = 1.4;

/** An evaluated image in trained ones: only a forward pass. */
const EVALUATION = 0.3;

/** Networks that a defence measures besides the one before and the one after. */
const MEASURED_ON_THE_WAY: Readonly<Record<string, number>> = { "fine-pruning": 1, mcr: 11 };

const TEST_IMAGES: Readonly<Record<string, number>> = {
  signs: 2000,
  cifar10: 10_000,
  gtsrb: 12_630,
  mnist: 10_000,
  "fashion-mnist": 10_000,
};

/** Keys of settings that are for every defence. */
const COMMON: ReadonlySet<string> = new Set([
  "model",
  ...plannedRows("cell").filter(([, { defenses }]) => !defenses).map(([key]) => key),
]);

/** Clean images of a cell. */
function cleanImages({ settings, model, trainImages }: TimedCell): number {
  const range = settings["train-indices"]?.split(":");
  if (range) return (Number(range[1]) || trainImages) - Number(range[0]);
  const all = TEST_IMAGES[model.dataset] === undefined;
  const share = settings["clean-fraction"] ?? model["clean-fraction"] ?? (all ? 1 : 0.05);
  return trainImages * share;
}

/** How a cell finetunes a copy of the model, where it does. */
function finetuningOf(
  { settings }: TimedCell,
): { epochs: number; extrapolation: number } | undefined {
  const recipe: Recipe = RECIPES[settings.recipe as keyof typeof RECIPES];
  const { defense, epochs } = settings;
  const extrapolation = settings.extrapolation ?? recipe.extrapolation ?? 0;
  // The path of a teacher is neither.
  const teacher = (settings.teacher ?? recipe.teacher) as Recipe["teacher"];
  const finetuning = findDefense(defense).finetuning?.({ teacher });
  return finetuning && {
    training: { epochs: epochs ?? recipe.epochs, extrapolation },
    teacherTraining: {
      epochs: settings["teacher-epochs"] ?? epochs ?? recipe.teacherEpochs,
      extrapolation: 0,
    },
  }[finetuning.training];
}

/** Equal for cells that finetune the same copy. */
function finetuningKey(cell: TimedCell): string | undefined {
  const finetuning = finetuningOf(cell);
  if (!finetuning) return undefined;
  const { defense: _, epochs: __, ...settings } = cell.settings;
  const others = Object.entries(settings).filter(([name]) => COMMON.has(name));
  return JSON.stringify([finetuning, others.sort()]);
}

/**
 * The cells with what each will find done, where they run one after the other.
 *
 * @param imported Names of cells that ran elsewhere and have nothing to give.
 */
export function withFindings<C extends TimedCell>(
  cells: readonly C[],
  imported: ReadonlySet<string>,
): C[] {
  const models = new Set<string>();
  const copies = new Set<string>();
  return cells.map((cell) => {
    const { id, settings: { model } } = cell;
    const key = finetuningKey(cell);
    const measured = models.has(model);
    const finetuned = key !== undefined && copies.has(key);
    if (!imported.has(id)) {
      models.add(model);
      if (key !== undefined) copies.add(key);
    }
    return { ...cell, found: { measured, finetuned } };
  });
}

/** The work of a cell in images trained once by a WRN-16-1. */
export function cellWork(cell: TimedCell): number {
  const { settings, model, trainImages, found } = cell;
  const recipe: Recipe = RECIPES[settings.recipe as keyof typeof RECIPES];
  const epochs = settings.epochs ?? recipe.epochs;
  const iterations = settings.iterations ?? 1;
  const teacher = settings.teacher ?? recipe.teacher;
  const finetuned = found?.finetuned ? 0 : finetuningOf(cell)?.epochs ?? 0;
  const trained = finetuned + ({
    none: 0,
    finetune: 0,
    nad: iterations * epochs * DISTILLATION,
  }[settings.defense] ?? epochs);
  const onTheWay = settings.defense === "nad"
    ? iterations - (teacher === "original" ? 1 : 0)
    : MEASURED_ON_THE_WAY[settings.defense] ?? 0;
  const measured = (found?.measured ? 1 : 2) + onTheWay;
  const test = Math.min(settings.limit ?? Infinity, TEST_IMAGES[model.dataset] ?? trainImages / 5);
  const evaluated = measured * test * (cell.attack === null ? 1 : 2);
  return networkWork(cell.architecture) * (cleanImages(cell) * trained + evaluated * EVALUATION);
}

/** Work of a `wrn-DEPTH-WIDTH` in that of a WRN-16-1: blocks times the square of the width. */
function networkWork(architecture: string): number {
  const [, depth, width] = /^wrn-(\d+)-(\d+)$/.exec(architecture) ?? [];
  return depth === undefined ? 1 : (Number(depth) - 4) / 12 * Number(width) ** 2;
}

/**
 * Seconds that a cell will take alone in its place: at the speed of finished cells of its model and
 * defence, else of all finished cells, else at {@linkcode ASSUMED_IMAGES_PER_SECOND}. Imported cells
 * count where no other has finished.
 */
export function expectedSeconds(cell: TimedCell, timings: readonly Timing[]): number {
  const here = timings.filter(({ imported }) => !imported);
  const known = here.length > 0 ? here : timings;
  const alike = known.filter(({ cell: { settings } }) =>
    settings.model === cell.settings.model && settings.defense === cell.settings.defense
  );
  const measured = alike.length > 0 ? alike : known;
  const seconds = measured.reduce((sum, timing) => sum + timing.seconds, 0);
  const work = measured.reduce((sum, timing) => sum + cellWork(timing.cell), 0);
  const speed = seconds > 0 ? work / seconds : ASSUMED_IMAGES_PER_SECOND;
  return cellWork(cell) / speed;
}

/**
 * Seconds until all of `left` are done by `workers` at a time. Where nothing was measured, the workers
 * share the assumed speed, which is that of all cores.
 *
 * @param left Cells with the seconds that each has been running; 0 for those not begun.
 */
export function secondsLeft(
  left: readonly { readonly cell: TimedCell; readonly running: number }[],
  timings: readonly Timing[],
  workers: number,
): number {
  const each = left.map(({ cell, running }) =>
    Math.max(0, expectedSeconds(cell, timings) - running)
  );
  const total = each.reduce((sum, seconds) => sum + seconds, 0);
  return Math.max(timings.length > 0 ? total / workers : total, ...each, 0);
}
