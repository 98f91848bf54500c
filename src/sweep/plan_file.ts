/**
 * What a plan file holds: models, and rows of settings that stand for cells. A setting is named as
 * the flag of `defend` that it becomes; a list of values is an axis, and a row with axes is the
 * product of them all.
 *
 * ```json
 * {
 *   "title": "NAD against its control",
 *   "data": "../data",
 *   "models": {
 *     "badnets": { "model": "badnets.safetensors", "dataset": "cifar10", "attack": "recorded" }
 *   },
 *   "defaults": { "recipe": "paper", "seed": [1, 2, 3] },
 *   "cells": [
 *     { "model": "badnets", "defense": "finetune" },
 *     { "model": "badnets", "defense": "nad", "betas": ["500,1000,1000", "50,100,100"] }
 *   ]
 * }
 * ```
 */

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
  type SettingValue,
  someOf,
  text,
} from "./setting_kinds.ts";

/** The whole file. Paths in it are relative to the folder that it lies in. */
export interface PlanFile {
  /** The heading of the report. */
  readonly title: string;
  /** What is asked, in a few sentences, for the report. */
  readonly description?: string;
  /** Folder of the data sets; one folder can hold several. Default: `./data` where it is started. */
  readonly data?: string;
  /** The networks to clean, by a name of letters, digits, `.` and `-`. */
  readonly models: Readonly<Record<string, PlanModel>>;
  /** Files of teachers, by a name that the setting `teacher` gives. */
  readonly teachers?: Readonly<Record<string, string>>;
  /** Settings of every row that does not give its own. */
  readonly defaults?: PlanRow;
  /** Each row is a cell, or the product of its axes. */
  readonly cells: readonly PlanRow[];
}

/** A network, its data, and what is measured on it. */
export interface PlanModel {
  /** Its file. */
  readonly model: string;
  /** `wrn-DEPTH-WIDTH`. Default: found from the file. */
  readonly arch?: string;
  /** A name, or a folder with one sub-folder of images a class. */
  readonly dataset: string;
  /** Its own folder of data. Default: the plan's. */
  readonly data?: string;
  /** GTSRB: cut images to their region of interest. */
  readonly roi?: true;
  /** Subtracted from pixels in [0,1]: `r,g,b`. */
  readonly mean?: string;
  /** Divides them after that: `r,g,b`. */
  readonly std?: string;
  /** An attack's name, or `recorded`. Without it only accuracy is measured. */
  readonly attack?: string;
  /** The class that the trigger leads to. */
  readonly target?: number;
  /** `all2all` leads class y to y + 1. */
  readonly "target-mode"?: string;
  /** `KEY=VALUE,...` */
  readonly "attack-options"?: string;
}

/** Settings of a cell. */
export interface CellSettings {
  /** A name out of `models`. */
  readonly model: string;
  /** Which defence. */
  readonly defense: string;
  /** Default: `lethe`. */
  readonly recipe: string;
  /** Share of the training images that the defender has. */
  readonly "clean-fraction"?: number;
  /** Training records A to B-1 instead: `A:B`. */
  readonly "train-indices"?: string;
  /** Share of the clean images that is held out to choose by. */
  readonly "held-out"?: number;
  /** Points of held-out accuracy that `betas: "auto"` and pruning may cost. */
  readonly floor?: number;
  /** Epochs without a better held-out accuracy after which training ends. */
  readonly patience?: number;
  /** Of the defence's training. */
  readonly epochs?: number;
  /** Images a step. */
  readonly "batch-size"?: number;
  /** Initial learning rate. */
  readonly lr?: number;
  /** How it falls. */
  readonly "lr-schedule"?: string;
  /** Of SGD. */
  readonly momentum?: number;
  /** Of SGD. */
  readonly "weight-decay"?: number;
  /** Some of `crop`, `flip`, `cutout`, or `none`. */
  readonly augment?: string;
  /** Of finetuning the teacher. */
  readonly "teacher-epochs"?: number;
  /** A name out of `teachers`. Default: a finetuned copy of the model. */
  readonly teacher?: string;
  /** Points of held-out accuracy that a finetuned teacher may have lost. */
  readonly "teacher-floor"?: number;
  /** `attention`, or raw `features` as an ablation. */
  readonly distill?: string;
  /** Which residual groups are distilled. */
  readonly taps?: string;
  /** The code's mean over positions, or the paper's L2 distance. */
  readonly distance?: string;
  /** Weights of the distillation losses, or `auto`. */
  readonly betas?: string;
  /** Reduction over channels. */
  readonly attention?: string;
  /** Of the absolute activations. */
  readonly power?: number;
  /** Rounds of distillation; each result is the next teacher. */
  readonly iterations?: number;
  /** t of the point on the curve that is the result. */
  readonly "curve-position"?: number;
  /** Use only the first test images. */
  readonly limit?: number;
  /** Of everything random. Default: 1. */
  readonly seed: number;
}

/** A row of a plan: settings, any of them as a list of values. */
export type PlanRow = {
  readonly [Key in keyof CellSettings]?: CellSettings[Key] | readonly CellSettings[Key][];
};

/** Names that a plan may give: they become part of the names of folders. */
export const NAME: Kind = pattern(
  "a name of at most 60 letters, digits, dots and dashes, the first a letter or digit",
  /^[A-Za-z0-9][A-Za-z0-9.-]{0,59}$/,
);

/** The defences that `defend` knows. */
export const DEFENSES = ["finetune", "fine-pruning", "mcr", "nad"] as const;

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
  defense: oneOf(DEFENSES),
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
  mean: colour("three numbers", () => true),
  std: colour("three numbers above 0", (value) => value > 0),
  attack: text('the name of an attack, or "recorded"'),
  target: integer(0),
  "target-mode": oneOf(["all2one", "all2all"]),
  "attack-options": text("KEY=VALUE, with commas between pairs"),
};

/**
 * The defences that a setting is for; those left out are for all. A NAD cell without the settings
 * that finetuning lacks, and with `finetune` in place of `nad`, is its control: the same code with
 * all betas zero.
 */
export const CONCERNS: Partial<Readonly<Record<keyof CellSettings, readonly string[]>>> = {
  floor: ["nad", "fine-pruning"],
  "teacher-epochs": ["nad", "mcr"],
  teacher: ["nad"],
  "teacher-floor": ["nad"],
  distill: ["nad"],
  taps: ["nad"],
  distance: ["nad"],
  betas: ["nad"],
  attention: ["nad"],
  power: ["nad"],
  iterations: ["nad"],
  "curve-position": ["mcr"],
};

/** Settings by name, in no particular order. */
export type Settings = Readonly<Record<string, SettingValue>>;
