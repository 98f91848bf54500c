/** Named sets of defaults for training; single flags of the commands override them. */

import type { Schedule } from "../train/schedule.ts";

/** Defaults of a defence's training. */
export interface Recipe {
  /** One line for help texts. */
  readonly description: string;
  /** Of the student. */
  readonly epochs: number;
  /** Of finetuning the teacher. */
  readonly teacherEpochs: number;
  /** Images a step. */
  readonly batchSize: number;
  /** Before the schedule's factor. */
  readonly learningRate: number;
  /** How the learning rate falls. */
  readonly schedule: Schedule;
  /** Of SGD, 0 to below 1. */
  readonly momentum: number;
  /** Nesterov's momentum instead of the plain one. */
  readonly nesterov: boolean;
  /** Of SGD, added to the gradient as a multiple of the parameter. */
  readonly weightDecay: number;
  /** Weight of each tap's attention loss. */
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
