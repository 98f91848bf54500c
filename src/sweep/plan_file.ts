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

import type { CellSettings, PlanModel } from "../settings/plan.ts";

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

/** A row of a plan: settings, any of them as a list of values. */
export type PlanRow = {
  readonly [Key in keyof CellSettings]?: CellSettings[Key] | readonly CellSettings[Key][];
};
