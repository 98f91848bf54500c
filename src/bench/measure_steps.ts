/**
 * Whole steps as the commands run them: training and distillation through a trainer's epoch,
 * evaluation through `evaluateModel`. One long run each; every stretch between two fences is one
 * measurement, and those before the speed is known are warm-up.
 */

import { DeviceError, TrainingError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { evaluateModel, EVALUATION_BATCH_SIZE } from "../train/evaluate.ts";
import { destroyImages, uploadImages } from "../train/image_store.ts";
import { measuredStretches, type Progress, summarize } from "./statistics.ts";
import {
  benchArchitecture,
  benchDefense,
  benchImages,
  createBenchTrainer,
  createNetworks,
  destroyNetworks,
  type TrainingStep,
} from "./workload.ts";

/** What was measured of one kind of step. */
export interface StepResult {
  readonly batchSize: number;
  /** Median. */
  readonly imagesPerSecond: number;
  /** {@linkcode Summary.spread} of the step's time. */
  readonly spread: number;
  /** Median time of one step. */
  readonly stepMilliseconds: number;
  /** Kernels of one step. */
  readonly dispatches: number;
  /** Submissions a step: below 1 where several steps share one. */
  readonly submits: number;
  /** Times a second that the program waited for the GPU, warm-up excluded. */
  readonly fencesPerSecond: number;
  /** Time a step that JavaScript spent encoding and submitting, without waiting. */
  readonly javascriptMilliseconds: number;
  /** Stretches between fences that were measured. */
  readonly samples: number;
}

/** How to measure. */
export interface StepOptions {
  readonly arch: string;
  readonly batchSize: number;
  /** How long to run, about. */
  readonly seconds: number;
}

const WARM_UP_STEPS = 3;
const LEAST_STEPS = 6;
const MOST_STEPS = 4096;

/** Images that the training steps draw from. */
const TRAINING_IMAGES = 640;

/** Most images that are evaluated: 200 MB. */
const MOST_IMAGES = 65_536;

/**
 * Measures training or distillation steps.
 *
 * @throws {TrainingError} where the loss does not fall: then what was timed is no training.
 */
export async function measureTraining(
  gpu: Gpu,
  step: TrainingStep,
  { arch, batchSize, seconds }: StepOptions,
): Promise<StepResult> {
  const networks = createNetworks(gpu, benchArchitecture(arch));
  const store = uploadImages(gpu, benchImages(TRAINING_IMAGES));
  const create = (steps: number) =>
    createBenchTrainer(gpu, step, networks, store, { batchSize, steps });
  try {
    const warmUp = create(WARM_UP_STEPS);
    const { loss: lossBefore } = await warmUp.runEpoch(0);
    const { imagesPerSecond } = await warmUp.runEpoch(1);
    warmUp.destroy();
    const steps = clampSteps(seconds * imagesPerSecond / batchSize);
    const trainer = create(steps);
    const { loss, ...result } = await measureRun(gpu, { batchSize, steps }, async (onFence) => {
      const { loss } = await trainer.runEpoch(2, { onProgress: ({ step }) => onFence(step) });
      return { loss };
    });
    trainer.destroy();
    if (!(loss < lossBefore)) {
      throw new TrainingError(
        `cannot time training that does not learn: the mean loss of ${steps} steps is ${loss}, ` +
          `expected less than the ${lossBefore} of the ${WARM_UP_STEPS} before`,
      );
    }
    return result;
  } finally {
    destroyImages(gpu, store);
    destroyNetworks(gpu, networks);
  }
}

/**
 * Measures evaluation, in the batches in which the commands do it.
 *
 * @throws {DeviceError} where not every image was counted.
 */
export async function measureEvaluation(
  gpu: Gpu,
  { arch, seconds }: Pick<StepOptions, "arch" | "seconds">,
): Promise<StepResult> {
  const batchSize = EVALUATION_BATCH_SIZE;
  const networks = createNetworks(gpu, benchArchitecture(arch));
  const { preprocessing } = benchDefense(batchSize).training;
  const evaluate = async (steps: number, onFence?: (steps: number) => void) => {
    const store = uploadImages(gpu, benchImages(steps * batchSize));
    try {
      const result = await evaluateModel(gpu, networks.student, store, {
        preprocessing,
        onProgress: (images) => onFence?.(Math.round(images / batchSize)),
      });
      const counted = result.confusion.counts.reduce((sum, count) => sum + count, 0);
      if (counted !== store.count) {
        throw new DeviceError(
          `cannot time evaluation: it counted ${counted} images, expected ${store.count}`,
        );
      }
      return result;
    } finally {
      destroyImages(gpu, store);
    }
  };
  try {
    await evaluate(WARM_UP_STEPS);
    const { seconds: taken } = await evaluate(WARM_UP_STEPS);
    const steps = Math.min(
      clampSteps(seconds * WARM_UP_STEPS / taken),
      Math.floor(MOST_IMAGES / batchSize),
    );
    return await measureRun(gpu, { batchSize, steps }, async (onFence) => {
      await evaluate(steps, onFence);
      return {};
    });
  } finally {
    destroyNetworks(gpu, networks);
  }
}

function clampSteps(steps: number): number {
  return Math.max(LEAST_STEPS, Math.min(MOST_STEPS, Math.round(steps)));
}

/** Runs `run`, which tells of every fence, and reads off the counters what a step took. */
async function measureRun<T>(
  gpu: Gpu,
  { batchSize, steps }: { batchSize: number; steps: number },
  run: (onFence: (steps: number) => void) => Promise<T>,
): Promise<StepResult & T> {
  const before = { ...gpu.counters };
  const fences: Progress[] = [];
  const submission = timeSubmissions(gpu);
  const start = performance.now();
  const returned = await run((steps) =>
    fences.push({ steps, milliseconds: performance.now() - start })
  );
  const javascriptMilliseconds = submission.stop() / steps;
  const { times, seconds } = measuredStretches(fences);
  const { median, spread } = summarize(times);
  return {
    batchSize,
    imagesPerSecond: 1000 * batchSize / median,
    spread,
    stepMilliseconds: median,
    dispatches: Math.floor((gpu.counters.dispatches - before.dispatches) / steps),
    submits: (gpu.counters.submits - before.submits) / steps,
    fencesPerSecond: times.length / seconds,
    javascriptMilliseconds,
    samples: times.length,
    ...returned,
  };
}

/** Adds up the time inside `gpu.submit` until it is stopped. */
function timeSubmissions(gpu: Gpu): { stop(): number } {
  const { submit } = gpu;
  let milliseconds = 0;
  gpu.submit = (...given: Parameters<Gpu["submit"]>) => {
    const start = performance.now();
    submit.apply(gpu, given);
    milliseconds += performance.now() - start;
  };
  return {
    stop() {
      gpu.submit = submit;
      return milliseconds;
    },
  };
}
