/**
 * Whole steps as the commands run them: training and distillation through a trainer's epoch,
 * evaluation through an evaluator. After a warm-up the kinds of steps take turns, so that a machine
 * that slows down for a while slows down all of them; each turn, from an idle GPU to an idle GPU, is
 * one measurement.
 */

import { DeviceError, TrainingError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { createEvaluator, EVALUATION_BATCH_SIZE } from "../train/evaluate.ts";
import { uploadImages } from "../train/image_store.ts";
import { quantile, summarize } from "./statistics.ts";
import {
  benchArchitecture,
  benchDefense,
  benchImages,
  createBenchTrainer,
  createNetworks,
  type TrainingStep,
} from "./workload.ts";

/** A kind of step. */
export type StepName = "train" | "nad" | "evaluate";

/** A kind of step to measure; evaluation chooses its own batch size. */
export interface StepRequest {
  readonly step: StepName;
  /** Images a step. */
  readonly batchSize: number;
}

/** What was measured of one kind of step. */
export interface StepResult {
  readonly step: StepName;
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
  /** Times a second that the program waited for the GPU. */
  readonly fencesPerSecond: number;
  /** Time a step that JavaScript spent encoding and submitting, without waiting. */
  readonly javascriptMilliseconds: number;
  /** Time of a step in each round. */
  readonly roundMilliseconds: readonly number[];
}

/** How to measure. */
export interface StepOptions {
  readonly arch: string;
  /** How long to run each kind of step, about, all rounds together. */
  readonly seconds: number;
  /** Called before each run. */
  readonly onProgress?: (text: string) => void;
}

/** One round of one kind of step. */
interface Run {
  readonly steps: number;
  readonly batchSize: number;
  /** Of all steps. */
  readonly milliseconds: number;
  /** Times that the program waited for the GPU. */
  readonly fences: number;
  readonly dispatches: number;
  readonly submits: number;
  readonly javascriptMilliseconds: number;
}

/** How often each kind of step has its turn. */
const ROUNDS = 5;

const WARM_UP_STEPS = 3;
const LEAST_STEPS = 6;
const MOST_STEPS = 4096;

/** Images that the training steps draw from. */
const TRAINING_IMAGES = 640;

/** Most images that are evaluated: 200 MB. */
const MOST_IMAGES = 65_536;

/**
 * Measures kinds of steps, in turns; results in the order of `requests`.
 *
 * @throws {TrainingError} where the loss does not fall: then what was timed is no training.
 * @throws {DeviceError} where evaluation did not count every image.
 */
export async function measureSteps(
  gpu: Gpu,
  requests: readonly StepRequest[],
  { arch, seconds, onProgress }: StepOptions,
): Promise<StepResult[]> {
  using scope = gpu.scope();
  const kinds: StepKind[] = [];
  for (const { step, batchSize } of requests) {
    onProgress?.(`step ${step}, batch size ${batchSize}`);
    const options = { arch, batchSize, seconds: seconds / ROUNDS };
    kinds.push(scope.own(
      step === "evaluate"
        ? await prepareEvaluation(gpu, options)
        : await prepareTraining(gpu, step, options),
    ));
  }
  // The first round warms up: drivers compile kernels when they first run.
  const runs: Run[][] = kinds.map(() => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, kind] of kinds.entries()) {
      const { step, batchSize } = requests[i]!;
      onProgress?.(`step ${step}, batch size ${batchSize}, round ${round} of ${ROUNDS}`);
      const run = await kind.run();
      if (round > 0) runs[i]!.push(run);
    }
  }
  return requests.map(({ step }, i) => combineRuns(step, runs[i]!));
}

/**
 * How many steps of `denominator` one of `numerator` takes: the median over the rounds, in each of
 * which both ran shortly after one another.
 */
export function stepRatio(
  numerator: Pick<StepResult, "roundMilliseconds">,
  denominator: Pick<StepResult, "roundMilliseconds">,
): number {
  const ratios = numerator.roundMilliseconds.map((milliseconds, round) =>
    milliseconds / denominator.roundMilliseconds[round]!
  );
  return quantile(ratios, 0.5);
}

function combineRuns(step: StepName, runs: readonly Run[]): StepResult {
  const { batchSize } = runs[0]!;
  const steps = runs.reduce((sum, run) => sum + run.steps, 0);
  const total = (of: (run: Run) => number) => runs.reduce((sum, run) => sum + of(run), 0);
  const roundMilliseconds = runs.map((run) => run.milliseconds / run.steps);
  const { median, spread } = summarize(roundMilliseconds);
  return {
    step,
    batchSize,
    imagesPerSecond: 1000 * batchSize / median,
    spread,
    stepMilliseconds: median,
    dispatches: Math.floor(total((run) => run.dispatches) / steps),
    submits: total((run) => run.submits) / steps,
    fencesPerSecond: 1000 * total((run) => run.fences) / total((run) => run.milliseconds),
    javascriptMilliseconds: total((run) => run.javascriptMilliseconds) / steps,
    roundMilliseconds,
  };
}

/** What a run is to be like. */
interface RunOptions {
  readonly arch: string;
  readonly batchSize: number;
  readonly seconds: number;
}

/** A kind of step, ready to run as often as wanted; disposing of it frees everything that it holds. */
interface StepKind extends Disposable {
  run(): Promise<Run>;
}

async function prepareTraining(
  gpu: Gpu,
  step: TrainingStep,
  { arch, batchSize, seconds }: RunOptions,
): Promise<StepKind> {
  using scope = gpu.scope();
  const networks = scope.own(createNetworks(gpu, benchArchitecture(arch)));
  const store = scope.own(uploadImages(gpu, benchImages(TRAINING_IMAGES)));
  const create = (steps: number) =>
    scope.own(createBenchTrainer(gpu, step, networks, store, { batchSize, steps }));
  const warmUp = create(WARM_UP_STEPS);
  const { loss: lossBefore } = await warmUp.runEpoch(0);
  const { imagesPerSecond } = await warmUp.runEpoch(1);
  warmUp[Symbol.dispose]();
  const steps = clampSteps(seconds * imagesPerSecond / batchSize);
  const trainer = create(steps);
  const memory = scope.move();
  let epoch = 2;
  return {
    async run() {
      const { loss, ...run } = await measureRun(gpu, { batchSize, steps }, async (onFence) => {
        const { loss } = await trainer.runEpoch(epoch++, { onProgress: onFence });
        return { loss };
      });
      if (loss < lossBefore) return run;
      throw new TrainingError(
        `cannot time training that does not learn: the mean loss of ${steps} steps is ${loss}, ` +
          `expected less than the ${lossBefore} of the first ${WARM_UP_STEPS}`,
      );
    },
    [Symbol.dispose]: () => memory[Symbol.dispose](),
  };
}

/** Evaluation in the batches in which the commands do it. */
async function prepareEvaluation(
  gpu: Gpu,
  { arch, seconds }: Omit<RunOptions, "batchSize">,
): Promise<StepKind> {
  const batchSize = EVALUATION_BATCH_SIZE;
  using scope = gpu.scope();
  const networks = scope.own(createNetworks(gpu, benchArchitecture(arch)));
  const { preprocessing } = benchDefense(batchSize).training;
  const create = async (steps: number) => {
    const store = scope.own(uploadImages(gpu, benchImages(steps * batchSize)));
    return scope.own(await createEvaluator(gpu, networks.student, store, { preprocessing }));
  };
  const warmUp = await create(WARM_UP_STEPS);
  await warmUp.evaluate();
  const { seconds: taken } = await warmUp.evaluate();
  warmUp[Symbol.dispose]();
  const steps = Math.min(
    clampSteps(seconds * WARM_UP_STEPS / taken),
    Math.floor(MOST_IMAGES / batchSize),
  );
  const evaluator = await create(steps);
  const memory = scope.move();
  return {
    run: () =>
      measureRun(gpu, { batchSize, steps }, async (onFence) => {
        const { confusion: { counts } } = await evaluator.evaluate({ onProgress: onFence });
        const counted = counts.reduce((sum, count) => sum + count, 0);
        if (counted !== steps * batchSize) {
          throw new DeviceError(
            `cannot time evaluation: it counted ${counted} images, expected ${steps * batchSize}`,
          );
        }
        return {};
      }),
    [Symbol.dispose]: () => memory[Symbol.dispose](),
  };
}

function clampSteps(steps: number): number {
  return Math.max(LEAST_STEPS, Math.min(MOST_STEPS, Math.round(steps)));
}

/** Runs `run`, which tells of every fence, and reads off the counters what a step took. */
async function measureRun<T>(
  gpu: Gpu,
  { batchSize, steps }: { batchSize: number; steps: number },
  run: (onFence: () => void) => Promise<T>,
): Promise<Run & T> {
  const before = { ...gpu.counters };
  const submitBefore = gpu.submitMilliseconds;
  const fences: number[] = [];
  const start = performance.now();
  const returned = await run(() => fences.push(performance.now() - start));
  return {
    steps,
    batchSize,
    milliseconds: fences.at(-1)!,
    fences: fences.length,
    dispatches: gpu.counters.dispatches - before.dispatches,
    submits: gpu.counters.submits - before.submits,
    javascriptMilliseconds: gpu.submitMilliseconds - submitBefore,
    ...returned,
  };
}
