/** What each setting of a plan may be, and which defences it is for. */

import { DEFENSES } from "../defenses/defenses.ts";
import { RECIPES } from "../defenses/recipes.ts";
import { SCHEDULES } from "../train/schedule.ts";
import {
  either,
  given,
  integer,
  type Kind,
  numberList,
  numeric,
  oneOf,
  pattern,
  someOf,
  text,
} from "./setting_kinds.ts";
import type { CellSettings, PlanModel } from "./plan_file.ts";

/** Names that a plan may give: they become part of the names of folders. */
export const NAME: Kind = pattern(
  "a name of at most 60 letters, digits, dots and dashes, the first a letter or digit",
  /^[A-Za-z0-9][A-Za-z0-9.-]{0,59}$/,
);

const share = numeric("above 0 and at most 1", (value) => value > 0 && value <= 1);
const positive = numeric("above 0", (value) => value > 0);
const notNegative = numeric("at least 0", (value) => value >= 0);
const points = numeric("from 0 to 100", (value) => value >= 0 && value <= 100);
const belowOne = numeric("at least 0 and below 1", (value) => value >= 0 && value < 1);
const colour = (expected: string, fits: (value: number) => boolean) =>
  numberList(`${expected} as text, with commas between`, fits, 3);

/** The settings of a row, in the order in which a cell's name states them. */
export const ROW_KINDS: Readonly<Record<keyof CellSettings, Kind>> = {
  model: NAME,
  defense: oneOf(DEFENSES.map(({ name }) => name)),
  recipe: oneOf(Object.keys(RECIPES)),
  "clean-fraction": share,
  "train-indices": pattern('records as "A:B"', /^\d*:\d*$/),
  "held-out": belowOne,
  floor: points,
  patience: integer(0),
  epochs: integer(1),
  "batch-size": integer(1),
  lr: positive,
  "lr-schedule": oneOf(SCHEDULES),
  momentum: belowOne,
  "weight-decay": notNegative,
  augment: someOf(["crop", "flip", "cutout", "none"]),
  corruption: pattern(
    "some of mix:P:STRENGTH, wave:P:AMPLITUDE and patch:P:SIZE, or none",
    /^(none|((^|,)(mix|wave|patch):\d*\.?\d+:\d*\.?\d+)+)$/,
  ),
  averaging: belowOne,
  extrapolation: numeric("from 0 to 1", (value) => value >= 0 && value <= 1),
  statistics: oneOf(["training", "clean"]),
  "teacher-epochs": integer(1),
  teacher: NAME,
  "teacher-floor": points,
  distill: oneOf(["attention", "features"]),
  taps: someOf(["1", "2", "3"]),
  distance: oneOf(["mean", "l2"]),
  betas: either(
    oneOf(["auto"]),
    numberList("three numbers of at least 0 as text", (beta) => beta >= 0, 3),
  ),
  labels: notNegative,
  logits: notNegative,
  attention: oneOf(["sum", "mean"]),
  power: numeric("at least 1", (power) => power >= 1),
  iterations: integer(1),
  "curve-position": numeric("from 0 to 1", (t) => t >= 0 && t <= 1),
  limit: integer(1),
  seed: integer(0),
};

/** The settings of a model. */
export const MODEL_KINDS: Readonly<Record<keyof PlanModel, Kind>> = {
  model: text("the path of a file"),
  arch: text("wrn-DEPTH-WIDTH"),
  dataset: text("the name of a data set or the path of a folder"),
  data: text("the path of a folder or archive"),
  roi: given,
  "clean-fraction": share,
  scale: positive,
  mean: colour("three numbers", () => true),
  std: colour("three numbers above 0", (value) => value > 0),
  attack: text('the name of an attack, "recorded", or the path of a model'),
  target: integer(0),
  "target-mode": oneOf(["all2one", "all2all"]),
  "attack-options": text("KEY=VALUE, with commas between pairs"),
  ceiling: NAME,
};

/**
 * The defences that a setting is for; those left out are for all. A NAD cell without the settings
 * that finetuning lacks, and with `finetune` in place of `nad`, is its control: the same training
 * without a teacher.
 */
export const CONCERNS: Partial<Readonly<Record<keyof CellSettings, readonly string[]>>> = {
  extrapolation: ["nad", "finetune", "fine-pruning"],
  floor: ["nad", "fine-pruning"],
  "teacher-epochs": ["nad", "mcr"],
  teacher: ["nad"],
  "teacher-floor": ["nad"],
  distill: ["nad"],
  taps: ["nad"],
  distance: ["nad"],
  betas: ["nad"],
  labels: ["nad"],
  logits: ["nad"],
  attention: ["nad"],
  power: ["nad"],
  iterations: ["nad"],
  "curve-position": ["mcr"],
};

/** Teachers that are made and not read from a file. */
export const MADE_TEACHERS: readonly string[] = ["finetuned", "original"];
