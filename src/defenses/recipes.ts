/** Named sets of defaults for training; single flags of the commands override them. */

import type { Schedule } from "../train/schedule.ts";

/** Defaults of a defence's training. */
export interface Recipe {
  /** One line for help texts. */
  readonly description: string;
  readonly epochs: number;
  readonly teacherEpochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly schedule: Schedule;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  readonly betas: readonly number[];
  /** Pixels of padding for random crops. */
  readonly cropPadding: number;
  /** Side of Cutout's hole; 0 is off. */
  readonly cutout: number;
}

const paper: Recipe = {
  description: "the paper's: lr 0.1 divided by 10 every 2 epochs, 10 epochs, Cutout 9",
  epochs: 10,
  teacherEpochs: 10,
  batchSize: 64,
  learningRate: 0.1,
  schedule: "paper",
  momentum: 0.9,
  nesterov: true,
  weightDecay: 1e-4,
  betas: [500, 1000, 1000],
  cropPadding: 4,
  cutout: 9,
};

/** All recipes by name. */
export const RECIPES = {
  lethe: {
    ...paper,
    description: "this tool's own: lr 0.03 with cosine decay, 10 epochs, no Cutout",
    learningRate: 0.03,
    schedule: "cosine",
    cutout: 0,
  },
  paper,
  authors: {
    ...paper,
    description: "the published code's: lr 0.1 for 2 epochs, then 0.01, 20 epochs, Cutout 3",
    epochs: 20,
    schedule: "authors",
    cutout: 3,
  },
} as const satisfies Record<string, Recipe>;

/** Name of a recipe. */
export type RecipeName = keyof typeof RECIPES;
