/** Named sets of defaults for training; single flags of the commands override them. */

import type { Corruption } from "../../shaders/corruption.ts";
import type { Preprocessing } from "../../shaders/gather.ts";
import type { Schedule } from "../train/schedule.ts";
import type { TrainingSettings } from "../train/trainer.ts";
import { PAPER_DISTILLATION } from "./attention_distillation.ts";
import type { DefenseSettings } from "./defense.ts";

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
   * Steps that an epoch should have: with fewer images the batch size is halved until it has, and the
   * learning rate with it, by {@linkcode fitBatches}. 0 keeps both.
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
  /** Share of the clean images that only choose, 0 to below 1. */
  readonly heldOut: number;
  /** Random disturbances of what the student sees. */
  readonly corruption?: Corruption;
  /** Decay of the running average that is kept; without it the last network is. */
  readonly averaging?: number;
  /** Share of the way that training has come by which parameters go on; without it they stay. */
  readonly extrapolation?: number;
  /** Batch-norm statistics of the result. */
  readonly statistics: DefenseSettings["statistics"];
  /** Where attention is distilled from. */
  readonly teacher: DefenseSettings["teacher"];
  /** Weight of the cross-entropy with the labels. */
  readonly labels: number;
  /** Weight of the teacher's answers. */
  readonly logits: number;
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
  heldOut: 0,
  statistics: "training",
  teacher: "finetuned",
  labels: 1,
  logits: 0,
};

/** All recipes by name. */
export const RECIPES = {
  lethe: {
    ...paper,
    description:
      "this tool's own: attention and answers of the model itself, as it sees clean images,\n" +
      "    distilled into one that sees them disturbed; lr 0.02 with cosine decay, 15 epochs, averaged",
    epochs: 15,
    learningRate: 0.02,
    leastSteps: 16,
    schedule: "cosine",
    betas: [1500, 3000, 3000],
    cutout: 0,
    heldOut: 0.1,
    corruption: {
      mix: { probability: 0.25, strength: 0.6 },
      wave: { probability: 0.3, amplitude: 0.3 },
      patch: { probability: 0.2, size: 8 },
    },
    averaging: 0.98,
    statistics: "clean",
    teacher: "original",
    labels: 0.25,
    logits: 2,
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

/** Of the teacher's answers, a common choice after Hinton et al. (2015). */
export const TEMPERATURE = 2;

/** What a recipe leaves open. */
export interface RecipeUse {
  /** Images to train on; sets the batch size. */
  readonly images: number;
  /** As the network was trained with. */
  readonly preprocessing: Preprocessing;
  /** Mirrors images at random; not for classes that have a left and a right. */
  readonly flip: boolean;
  /** Of everything random. */
  readonly seed: number;
}

/** The settings of a recipe, for every defence. */
export function recipeSettings(recipe: Recipe, use: RecipeUse): DefenseSettings {
  const training: TrainingSettings = {
    epochs: recipe.epochs,
    ...fitBatches(recipe, use.images, recipe.leastSteps),
    schedule: recipe.schedule,
    momentum: recipe.momentum,
    nesterov: recipe.nesterov,
    weightDecay: recipe.weightDecay,
    augmentation: { cropPadding: recipe.cropPadding, flip: use.flip, cutout: recipe.cutout },
    corruption: recipe.corruption,
    averaging: recipe.averaging,
    extrapolation: recipe.extrapolation,
    preprocessing: use.preprocessing,
    order: "shuffle",
    seed: use.seed,
  };
  return {
    training,
    teacherTraining: { ...training, epochs: recipe.teacherEpochs, extrapolation: undefined },
    distillation: {
      ...PAPER_DISTILLATION,
      betas: recipe.betas,
      labels: recipe.labels,
      logits: recipe.logits,
      temperature: TEMPERATURE,
    },
    teacher: recipe.teacher,
    statistics: recipe.statistics,
    autoBetas: false,
    iterations: 1,
    floor: 2,
    teacherFloor: 10,
    curvePosition: 0.3,
    patience: 0,
  };
}

/** Smallest batch that {@linkcode fitBatches} goes down to: batch norm needs a few images. */
const LEAST_BATCH = 16;

/**
 * The batch size, halved while an epoch of `images` would have fewer than `leastSteps` steps: a few
 * hundred images make too few updates otherwise, and the backdoor outlives them. The learning rate
 * falls with the power 1.5 of the batch size: in mere proportion the noise of small batches, and of
 * their batch-norm statistics, still wrecks the network (docs/recipe.md).
 */
export function fitBatches(
  { batchSize, learningRate }: Pick<TrainingSettings, "batchSize" | "learningRate">,
  images: number,
  leastSteps: number,
): Pick<TrainingSettings, "batchSize" | "learningRate"> {
  let fitting = batchSize;
  while (fitting >= 2 * LEAST_BATCH && Math.floor(images / fitting) < leastSteps) {
    fitting = Math.floor(fitting / 2);
  }
  return { batchSize: fitting, learningRate: learningRate * (fitting / batchSize) ** 1.5 };
}
