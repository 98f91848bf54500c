/**
 * Two steps of the default job as it runs: gathering, disturbances, student and teacher, every loss,
 * gradients with all fusions, update and average; held against losses that were computed before.
 */

import { PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import { RandomPurpose, RandomStream } from "../data/random.ts";
import { attentionDistillation } from "../defenses/attention_distillation.ts";
import { RECIPES, recipeSettings } from "../defenses/recipes.ts";
import { TrainingError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { loadModel } from "../nn/model.ts";
import { initialState } from "../nn/state.ts";
import { wideResNet } from "../nn/wide_resnet.ts";
import { uploadImages } from "../train/image_store.ts";
import { createTrainer, type Trainer } from "../train/trainer.ts";

const CLASSES = 10;
/** That of the usual run, whose kernels are the same. */
const BATCH_SIZE = 64;
const STEPS = 2;
const SIDE = 32;

/**
 * Unweighted losses of each step, (steps, columns): ce, at1, at2, at3, kd; the mean of the tiled and the
 * subgroup kernels on llvmpipe, which agree to 2e-5 of each (2026-11-30).
 */
const LOSSES: readonly number[] = [
  2.325604,
  2.465711e-4,
  6.275304e-4,
  1.3473e-3,
  0.1076564,
  2.300104,
  2.153292e-4,
  4.56643e-4,
  9.554654e-4,
  0.08958586,
];

/** Largest relative error of a loss: a sine may be off by 2^-11, and the second step magnifies it. */
export const DEFAULT_STEP_TOLERANCE = 3e-3;

/** Records the step, for an epoch of {@linkcode STEPS}. */
export function createDefaultStep(gpu: Gpu): Trainer & Disposable {
  using scope = gpu.scope();
  const architecture = wideResNet(16, 1, CLASSES);
  const load = (seed: number, name: string) =>
    scope.own(loadModel(gpu, architecture, initialState(architecture, seed), name));
  const [student, teacher, average] = [load(1, "student"), load(2, "teacher"), load(1, "average")];
  const random = new RandomStream(1, RandomPurpose.parameters);
  const count = STEPS * BATCH_SIZE;
  const images = scope.own(uploadImages(gpu, {
    pixels: Uint8Array.from({ length: count * 3 * SIDE * SIDE }, () => random.below(256)),
    labels: Uint16Array.from({ length: count }, (_, i) => i % CLASSES),
    height: SIDE,
    width: SIDE,
  }));
  const recipe = { ...RECIPES.lethe, batchSize: BATCH_SIZE, leastSteps: 0 };
  const use = { images: count, preprocessing: PLAIN_PREPROCESSING, flip: true, seed: 1 };
  const { training, distillation } = recipeSettings(recipe, use);
  const objective = attentionDistillation(teacher, distillation);
  const trainer = scope.own(
    createTrainer(gpu, student, { store: images }, objective, training, { average }),
  );
  const owned = scope.move();
  return { ...trainer, [Symbol.dispose]: () => owned[Symbol.dispose]() };
}

/** Largest relative error of the losses; NaN where the step fails. */
export async function defaultStepError(gpu: Gpu): Promise<number> {
  using trainer = createDefaultStep(gpu);
  try {
    const { losses } = await trainer.runEpoch(0);
    return LOSSES.reduce((most, expected, i) => {
      const error = Math.abs(losses[i]! / expected - 1);
      return error <= most ? most : error;
    }, 0);
  } catch (error) {
    if (error instanceof TrainingError) return NaN;
    throw error;
  }
}
