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

import type { SettingValue } from "./setting_kinds.ts";

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
  /** Share of its training images that a defender has, where a cell does not say. */
  readonly "clean-fraction"?: number;
  /** Divides bytes of 0 to 255; 1 for networks that take bytes. */
  readonly scale?: number;
  /** Subtracted after that: `r,g,b`. */
  readonly mean?: string;
  /** Divides them after that: `r,g,b`. */
  readonly std?: string;
  /**
   * An attack's name, `recorded`, or the path of another model, whose metadata describe it. Without it
   * only accuracy is measured.
   */
  readonly attack?: string;
  /** The class that the trigger leads to. */
  readonly target?: number;
  /** `all2all` leads class y to y + 1. */
  readonly "target-mode"?: string;
  /** `KEY=VALUE,...` */
  readonly "attack-options"?: string;
  /**
   * Name of the model of this plan that was trained alike on clean images. What it comes to in a cell of
   * defense `none` is the ceiling of this model's cells.
   */
  readonly ceiling?: string;
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
  /** What disturbs the images: `mix:P:STRENGTH,wave:P:AMPLITUDE,patch:P:SIZE`, or `none`. */
  readonly corruption?: string;
  /** Decay of the running average that is kept; 0 keeps the last network. */
  readonly averaging?: number;
  /** Share of the way that training has come by which parameters go on; 0 stays. */
  readonly extrapolation?: number;
  /** Batch-norm statistics as `training` leaves them, or estimated on `clean` images. */
  readonly statistics?: string;
  /** Of finetuning the teacher. */
  readonly "teacher-epochs"?: number;
  /** A name out of `teachers`, `finetuned` or `original`. Default: the recipe's. */
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
  /** Weight of the cross-entropy. */
  readonly labels?: number;
  /** Weight of the teacher's own answers. */
  readonly logits?: number;
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

/** Settings by name, in no particular order. */
export type Settings = Readonly<Record<string, SettingValue>>;
