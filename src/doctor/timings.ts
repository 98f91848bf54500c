/** How fast a device is at the work of this project, from a few steps of it. */

import { NO_AUGMENTATION, PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import { loadSigns } from "../data/signs.ts";
import { selectImages } from "../data/image_set.ts";
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
import { createDispatchTimer } from "../tuning/dispatch_timer.ts";

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

/** Times that the convolution is timed; the least counts. */
const PASSES = 3;

/** Steps of the first epoch, which warms up, and least steps of one that is measured. */
const STEPS = 4;

/** Seconds of an epoch long enough to be measured: long beside the fences in it, 10 ms each. */
const LEAST_SECONDS = 0.5;

/** Most steps of an epoch. */
const MOST_STEPS = 1000;

/** Measures; takes a few seconds on a software driver. */
export async function measureTimings(gpu: Gpu): Promise<Timings> {
  return {
    convolutionGflops: await measureConvolution(gpu),
    ...await measureNetwork(gpu),
  };
}

async function measureConvolution(gpu: Gpu): Promise<number> {
  const [channels, side] = [16, 32];
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
  const { dispatches } = recorded.program;
  const timer = await createDispatchTimer(gpu, dispatches[0]!);
  const milliseconds = Math.min(...await timer.time(dispatches, PASSES));
  timer.destroy();
  return 2 * elements * channels * 9 / milliseconds / 1e6;
}

async function measureNetwork(gpu: Gpu): Promise<Omit<Timings, "convolutionGflops">> {
  const { train } = loadSigns({ parts: ["train"], trainCount: STEPS * BATCH_SIZE });
  const architecture = wideResNet(16, 1, 10);
  using model = loadModel(gpu, architecture, initialState(architecture, 1), "a new network");
  using store = uploadImages(gpu, train);
  const preprocessing = PLAIN_PREPROCESSING;
  const start = performance.now();
  let compileSeconds: number | undefined;
  const epoch = async (steps: number) => {
    const indices = Uint32Array.from({ length: steps * BATCH_SIZE }, (_, i) => i % store.count);
    using trainer = createTrainer(gpu, model, { store, indices }, CROSS_ENTROPY, {
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
    compileSeconds ??= (performance.now() - start) / 1000;
    await trainer.runEpoch(0);
    return (await trainer.runEpoch(1)).seconds;
  };
  const trainingImagesPerSecond = await imagesPerSecond(epoch);
  // The first evaluation compiles.
  await evaluateModel(gpu, model, store, { preprocessing });
  const evaluation = async (steps: number) => {
    using repeated = uploadImages(
      gpu,
      selectImages(train, Array.from({ length: steps * BATCH_SIZE }, (_, i) => i % store.count)),
    );
    return (await evaluateModel(gpu, model, repeated, { preprocessing })).seconds;
  };
  return {
    trainingImagesPerSecond,
    evaluationImagesPerSecond: await imagesPerSecond(evaluation),
    compileSeconds: compileSeconds!,
  };
}

/** Images a second of `run`, which takes a number of steps and returns seconds, once they are enough. */
async function imagesPerSecond(run: (steps: number) => Promise<number>): Promise<number> {
  for (let steps = STEPS;;) {
    const seconds = await run(steps);
    if (seconds >= LEAST_SECONDS || steps === MOST_STEPS) return steps * BATCH_SIZE / seconds;
    const wanted = Math.ceil(2 * steps * LEAST_SECONDS / seconds);
    steps = Math.min(MOST_STEPS, wanted, 8 * steps);
  }
}
