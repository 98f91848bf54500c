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
  /**
   * Steps that an epoch should have: with fewer images the batch size is halved until it has, by
   * {@linkcode fittingBatchSize}. 0 keeps the batch size.
   */
  readonly leastSteps: number;
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
  leastSteps: 0,
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
    description:
      "this tool's own: lr 0.05 with cosine decay, 10 epochs, no Cutout, smaller batches\n" +
      "    where there are few images",
    learningRate: 0.05,
    leastSteps: 16,
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

/** Smallest batch that {@linkcode fittingBatchSize} goes down to: batch norm needs a few images. */
const LEAST_BATCH = 16;

/**
 * The batch size, halved while an epoch of `images` would have fewer than `leastSteps` steps: a few
 * hundred images make too few updates otherwise, and the backdoor outlives them.
 */
export function fittingBatchSize(images: number, batchSize: number, leastSteps: number): number {
  let fitting = batchSize;
  while (fitting >= 2 * LEAST_BATCH && Math.floor(images / fitting) < leastSteps) {
    fitting = Math.floor(fitting / 2);
  }
  return fitting;
}
