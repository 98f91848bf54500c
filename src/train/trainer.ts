/**
 * The training loop: one recorded step, replayed. Gathering, augmentation, forward, losses,
 * gradients and the update all happen on the GPU; losses accumulate there and are read once an
 * epoch.
 */

import type { Corruption } from "../../shaders/corruption.ts";
import type { Augmentation, Preprocessing } from "../../shaders/gather.ts";
import { recordStepKernel } from "../../shaders/metrics.ts";
import { sgdKernel, type SgdSettings } from "../../shaders/sgd.ts";
import type { PixelTrigger } from "../data/trigger.ts";
import { RandomPurpose, RandomStream, shuffle } from "../data/random.ts";
import { DataError, TrainingError } from "../errors.ts";
import type { BufferRange, Gpu } from "../gpu/gpu.ts";
import type { Scratch } from "../gpu/scratch.ts";
import type { ForwardResult } from "../nn/architecture.ts";
import { flatLayout, type Model, tensorLookup } from "../nn/model.ts";
import type { Program } from "../tensor/program.ts";
import type { Tape, WeightedLoss } from "../tensor/tape.ts";
import { locatedTensor } from "../tensor/tensor.ts";
import { recordAveraging } from "./averaging.ts";
import { type Batch, startEpoch } from "./batches.ts";
import { type CurveEnds, recordCurvePoint } from "./curve.ts";
import { type FixedElements, recordFixedElements } from "./fixed_elements.ts";
import type { ImageStore } from "./image_store.ts";
import { recordStep } from "./pass.ts";
import { runSteps } from "./run_steps.ts";
import { epochLearningRates, type Schedule } from "./schedule.ts";

/** Settings of a training run. */
export interface TrainingSettings extends SgdSettings {
  /** Passes over the images. */
  readonly epochs: number;
  /** Images a step. */
  readonly batchSize: number;
  /** Before the schedule's factor. */
  readonly learningRate: number;
  /** How the learning rate changes. */
  readonly schedule: Schedule;
  /** Random changes of the images. */
  readonly augmentation: Augmentation;
  /** Random disturbances, after the changes above; a teacher sees the images without them. */
  readonly corruption?: Corruption | undefined;
  /** From bytes to the network's input. */
  readonly preprocessing: Preprocessing;
  /**
   * Decay of the running average that is kept in place of the last network, 0 to below 1; without it
   * the last network is kept.
   */
  readonly averaging?: number | undefined;
  /**
   * Where training has ended, parameters go on by this share of the way that they have come; without
   * it they stay. Running statistics then have to be estimated anew.
   */
  readonly extrapolation?: number | undefined;
  /** `shuffle` draws a new order every epoch; `file` keeps the order of the records. */
  readonly order: "shuffle" | "file";
  /** Of order and augmentation, from 0 to 2^32 - 1. */
  readonly seed: number;
}

/** Which images to train on. */
export interface TrainingImages {
  /** The images, on the GPU. */
  readonly store: ImageStore;
  /** Records of the store; those with the bit `TRIGGERED` carry the trigger. Default: all. */
  readonly indices?: Uint32Array | undefined;
  /** What the marked records carry. */
  readonly trigger?: PixelTrigger | undefined;
}

/** What is minimised. */
export interface Objective {
  /** A name for each loss, as `metrics.jsonl` shows it. */
  readonly columns: readonly string[];
  /** Records the losses of a batch, one a column. */
  record(tape: Tape, batch: Batch, student: ForwardResult): readonly WeightedLoss[];
}

/** Losses of one epoch. */
export interface EpochMetrics {
  /** From 0. */
  readonly epoch: number;
  /** Unweighted losses of every step, (steps, columns). */
  readonly losses: Float32Array<ArrayBuffer>;
  /** Their means, by column. */
  readonly means: readonly number[];
  /** A name for each column. */
  readonly columns: readonly string[];
  /** Factor of each column in the total. */
  readonly weights: readonly number[];
  /** Mean of the weighted total. */
  readonly loss: number;
  /** Learning rate of every step. */
  readonly learningRates: Float32Array<ArrayBuffer>;
  /** Mean over the epoch. */
  readonly imagesPerSecond: number;
  /** Wall time. */
  readonly seconds: number;
}

/** How far an epoch has come. */
export interface EpochProgress {
  /** From 0. */
  readonly epoch: number;
  /** Of the whole run. */
  readonly epochs: number;
  /** Steps of this epoch that are done. */
  readonly step: number;
  /** Steps of an epoch. */
  readonly steps: number;
  /** Mean weighted loss of those steps. */
  readonly loss: number;
  /** Mean since the epoch began. */
  readonly imagesPerSecond: number;
}

/** How to watch and stop a training run. */
export interface TrainingWatch {
  /** Stops the run within about two submissions. */
  readonly signal?: AbortSignal | undefined;
  /** Called about once a second. */
  readonly onProgress?: ((progress: EpochProgress) => void) | undefined;
}

/** A prepared training run; disposing of it frees its GPU memory, the model stays. */
export interface Trainer extends Disposable {
  readonly stepsPerEpoch: number;
  readonly program: Program;
  /** The optimiser's momentum, laid out as the model's parameters. */
  readonly velocity: BufferRange;
  /**
   * Trains for one epoch.
   *
   * @throws {TrainingError} when a loss becomes NaN or infinite.
   * @throws {Interrupted} when the signal is aborted.
   */
  runEpoch(epoch: number, watch?: TrainingWatch): Promise<EpochMetrics>;
}

/** What a training step may do beside training. */
export interface TrainerOptions {
  /** The model is the middle of a curve between these: each step runs at a random point of it. */
  readonly ends?: CurveEnds | undefined;
  /** Another network, which follows as the average of the model. */
  readonly average?: Model | undefined;
  /** Elements of parameters that are 0 and stay so. */
  readonly fixed?: FixedElements | undefined;
  /** Memory for intermediate values, where programs share it. */
  readonly scratch?: Scratch | undefined;
}

/**
 * Records and compiles one training step of `model`. The last images of an epoch that do not fill a
 * batch are left out of it; the next epoch's order gives them their turn.
 *
 * @throws {DataError} where there are fewer images than one batch.
 */
export function createTrainer(
  gpu: Gpu,
  model: Model,
  images: TrainingImages,
  objective: Objective,
  settings: TrainingSettings,
  { ends, average, fixed, scratch }: TrainerOptions = {},
): Trainer {
  const { store, trigger } = images;
  const records = images.indices ?? Uint32Array.from({ length: store.count }, (_, i) => i);
  const { batchSize } = settings;
  const steps = stepsPerEpoch(records.length, batchSize);
  const columns = objective.columns.length;
  // Behind the losses of a step: whether a parameter or a statistic has become NaN or infinite.
  const row = columns + 1;
  const { augmentation, preprocessing, corruption } = settings;
  const { elements, offsets } = flatLayout(model.architecture, "parameter");
  const shape = { batchSize, steps, trigger, augmentation, preprocessing, corruption, scratch };
  using guard = gpu.scope();
  const recorded = guard.own(recordStep(gpu, store, shape, (tape, batch, source, scope) => {
    const own = (shape: readonly number[], label: string) =>
      locatedTensor(shape, scope.buffer(4 * shape.reduce((a, b) => a * b, 1), label), label);
    const gradients = own([elements], "gradients");
    const velocity = own([elements], "velocity");
    const parameters = locatedTensor([elements], model.parameters, "parameters");
    const rates = own([steps], "learning rates");
    const metrics = own([steps, row], "metrics");
    const statisticsSize = flatLayout(model.architecture, "statistic").elements;
    const statistics = statisticsSize > 0
      ? [locatedTensor([statisticsSize], model.statistics, "statistics")]
      : [];
    const timing = { steps, state: source.state };
    const curve = ends && recordCurvePoint(scope, tape, model, ends, timing);
    const lookup = curve?.lookup ?? tensorLookup(model);
    const student = model.architecture.forward(tape, lookup, batch.x, "training");
    const losses = objective.record(tape, batch, student);
    const names = [...offsets.keys()];
    for (const [i, gradient] of tape.gradients(losses, names.map(lookup)).entries()) {
      const { location } = lookup(names[i]!);
      tape.place(gradient, {
        buffer: gradients.location!.buffer,
        offset: location!.offset,
        size: location!.size,
      });
    }
    curve?.recordGradients(gradients);
    if (fixed?.size) recordFixedElements(tape, model, gradients, fixed);
    tape.run(
      sgdKernel({ elements, statistics: statisticsSize, steps }, settings),
      [gradients, rates, ...statistics],
      [parameters, velocity, source.state],
    );
    const averaging = average && recordAveraging(scope, tape, { model, average }, timing);
    tape.run(recordStepKernel(columns, steps), losses.map(({ loss }) => loss), [
      metrics,
      source.state,
    ]);
    return {
      velocity,
      rates,
      metrics,
      curve,
      averaging,
      weights: losses.map((loss) => loss.weight),
    };
  }));
  const { program, source } = recorded;
  const { velocity, rates, metrics, curve, averaging, weights } = recorded.outputs;
  program.prepare();
  const memory = guard.move();
  return {
    stepsPerEpoch: steps,
    program,
    velocity: velocity.location!,
    async runEpoch(epoch, watch = {}) {
      const { schedule, learningRate, epochs, seed, order } = settings;
      const position = { epoch, epochs, stepsPerEpoch: steps };
      const learningRates = epochLearningRates(schedule, learningRate, position);
      gpu.write(rates.location!, learningRates);
      startEpoch(gpu, source, {
        epoch,
        seed,
        indices: epochOrder(records, { order, seed, epoch }).subarray(0, steps * batchSize),
      });
      curve?.startEpoch(gpu, epoch, seed);
      averaging?.startEpoch(gpu, epoch, { decay: settings.averaging ?? 0, epochs });
      const start = performance.now();
      let values = new Float32Array(steps * columns);
      let faults = new Float32Array(steps);
      const meansOf = (rows: number) => {
        const done = values.subarray(0, rows * columns);
        checkFinite(faults.subarray(0, rows), done, objective.columns, epoch);
        return objective.columns.map((_, column) =>
          done.reduce((sum, value, i) => i % columns === column ? sum + value : sum, 0) / rows
        );
      };
      const total = (means: readonly number[]) =>
        means.reduce((sum, mean, i) => sum + mean * weights[i]!, 0);
      const fence = async () => {
        const [bytes] = await gpu.read(metrics.location!);
        const rows = new Float32Array(bytes!);
        values = rows.filter((_, i) => i % row < columns);
        faults = rows.filter((_, i) => i % row === columns);
      };
      await runSteps(gpu, program, steps, {
        signal: watch.signal,
        onProgress: (step, seconds) => {
          const loss = total(meansOf(step));
          const imagesPerSecond = step * batchSize / seconds;
          watch.onProgress?.({ epoch, epochs, step, steps, loss, imagesPerSecond });
        },
      }, fence);
      model.batchesTracked += BigInt(steps);
      if (average) average.batchesTracked = model.batchesTracked;
      const seconds = (performance.now() - start) / 1000;
      const means = meansOf(steps);
      return {
        epoch,
        losses: values,
        means,
        columns: objective.columns,
        weights,
        loss: total(means),
        learningRates,
        imagesPerSecond: steps * batchSize / seconds,
        seconds,
      };
    },
    [Symbol.dispose]: () => memory[Symbol.dispose](),
  };
}

/**
 * Whole batches in `images` images.
 *
 * @throws {DataError} where there is none.
 */
export function stepsPerEpoch(images: number, batchSize: number): number {
  const steps = Math.floor(images / batchSize);
  if (steps > 0) return steps;
  throw new DataError(
    `cannot train on ${images} images with a batch size of ${batchSize}: expected at least one ` +
      "batch; use more images or a smaller --batch-size",
  );
}

/** The records of an epoch in the order in which they are seen. */
function epochOrder(
  records: Uint32Array,
  { order, seed, epoch }: { order: "shuffle" | "file"; seed: number; epoch: number },
): Uint32Array<ArrayBuffer> {
  if (order === "file") return Uint32Array.from(records);
  const random = new RandomStream(seed, RandomPurpose.order, epoch);
  return shuffle(records.length, random).map((i) => records[i]!);
}

/** Throws at the first step whose losses, parameters or statistics are not finite. */
function checkFinite(
  faults: Float32Array,
  values: Float32Array,
  columns: readonly string[],
  epoch: number,
): void {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  const badStep = bad < 0 ? Infinity : Math.floor(bad / columns.length);
  const fault = faults.findIndex((value) => value !== 0);
  const faultStep = fault < 0 ? Infinity : fault;
  const step = Math.min(badStep, faultStep);
  if (step === Infinity) return;
  const what = badStep <= faultStep
    ? `${columns[bad % columns.length]} became ${values[bad]}`
    : "a parameter or a running statistic became NaN or infinite";
  throw new TrainingError(
    `training diverged: ${what} in step ${step + 1} of epoch ${epoch + 1}; a lower --lr may help`,
  );
}
