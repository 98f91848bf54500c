/** How fast a device is at the work of this project, from a few steps of it. */

import { NO_AUGMENTATION, PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import { loadSigns } from "../data/signs.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { loadModel } from "../nn/model.ts";
import { initialState } from "../nn/state.ts";
import { wideResNet } from "../nn/wide_resnet.ts";
import { convolution } from "../tensor/operations/convolution.ts";
import { recordProgram } from "../tensor/program.ts";
import { locatedTensor } from "../tensor/tensor.ts";
import { evaluateModel } from "../train/evaluate.ts";
import { uploadImages } from "../train/image_store.ts";
import { CROSS_ENTROPY } from "../train/objectives.ts";
import { createTrainer } from "../train/trainer.ts";

/** What was measured, all at a batch size of 64. */
export interface Timings {
  /** Forward 3x3 convolution of 16 channels at 32x32, 10⁹ operations (2 a multiply-add) a second. */
  readonly convolutionGflops: number;
  /** Whole training steps of WRN-16-1. */
  readonly trainingImagesPerSecond: number;
  /** WRN-16-1 in evaluation mode. */
  readonly evaluationImagesPerSecond: number;
  /** Compiling the training step, the first time in this process. */
  readonly compileSeconds: number;
}

const BATCH_SIZE = 64;

/** Steps of an epoch; one epoch warms up, the next is measured. */
const STEPS = 4;

/** Measures; takes a few seconds on a software driver. */
export async function measureTimings(gpu: Gpu): Promise<Timings> {
  return {
    convolutionGflops: await measureConvolution(gpu),
    ...await measureNetwork(gpu),
  };
}

async function measureConvolution(gpu: Gpu): Promise<number> {
  const [channels, side, repetitions] = [16, 32, 8];
  const elements = BATCH_SIZE * channels * side ** 2;
  const weights = channels * channels * 9;
  using recorded = recordProgram(gpu, (tape, scope) => {
    const x = scope.buffer(elements * 4, "x");
    const w = scope.buffer(weights * 4, "w");
    tape.keep(convolution(
      tape,
      locatedTensor([BATCH_SIZE, channels, side, side], x, "x"),
      locatedTensor([channels, channels, 3, 3], w, "w"),
    ));
  });
  const { program } = recorded;
  program.run(2);
  await gpu.finish();
  const start = performance.now();
  program.run(repetitions);
  await gpu.finish();
  const seconds = (performance.now() - start) / 1000;
  return 2 * elements * channels * 9 * repetitions / seconds / 1e9;
}

async function measureNetwork(gpu: Gpu): Promise<Omit<Timings, "convolutionGflops">> {
  const count = STEPS * BATCH_SIZE;
  const { train } = loadSigns({ parts: ["train"], trainCount: count });
  const architecture = wideResNet(16, 1, 10);
  using model = loadModel(gpu, architecture, initialState(architecture, 1), "a new network");
  using store = uploadImages(gpu, train);
  const preprocessing = PLAIN_PREPROCESSING;
  const start = performance.now();
  using trainer = createTrainer(gpu, model, { store }, CROSS_ENTROPY, {
    epochs: 2,
    batchSize: BATCH_SIZE,
    learningRate: 0.01,
    schedule: "constant",
    momentum: 0.9,
    nesterov: true,
    weightDecay: 1e-4,
    augmentation: NO_AUGMENTATION,
    preprocessing,
    order: "file",
    seed: 1,
  });
  const compileSeconds = (performance.now() - start) / 1000;
  await trainer.runEpoch(0);
  const { imagesPerSecond } = await trainer.runEpoch(1);
  // The first evaluation compiles.
  await evaluateModel(gpu, model, store, { preprocessing });
  const { seconds } = await evaluateModel(gpu, model, store, { preprocessing });
  return {
    trainingImagesPerSecond: imagesPerSecond,
    evaluationImagesPerSecond: count / seconds,
    compileSeconds,
  };
}
