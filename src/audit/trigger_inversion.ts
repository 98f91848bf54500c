/**
 * The smallest trigger that leads to a class: Wang et al., "Neural Cleanse: Identifying and
 * Mitigating Backdoor Attacks in Neural Networks" (IEEE S&P 2019), sections IV and VI, with the
 * optimiser of the authors' code. A mask and a pattern descend on cross-entropy + λ ‖mask‖₁ over
 * clean images, while λ follows the success of the trigger.
 *
 * The authors take some 30,000 steps for a class and judge λ once in 30. Here fewer than a hundred
 * rank the classes, λ is judged every ten, and images of the class itself, on which anything
 * succeeds, are left out.
 */

import { adamKernel, type AdamSettings } from "../../shaders/adam.ts";
import type { Preprocessing } from "../../shaders/gather.ts";
import { confusionKernel } from "../../shaders/metrics.ts";
import { LATENT_PLANES } from "../../shaders/trigger_mask.ts";
import { RandomPurpose, RandomStream, shuffle } from "../data/random.ts";
import { ModelError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Scratch } from "../gpu/scratch.ts";
import { type Model, recordForward } from "../nn/model.ts";
import { crossEntropy } from "../tensor/operations/cross_entropy.ts";
import { locatedTensor } from "../tensor/tensor.ts";
import { startEpoch } from "../train/batches.ts";
import type { ImageStore } from "../train/image_store.ts";
import { recordPass } from "../train/pass.ts";
import { Interrupted } from "../errors.ts";
import { runSteps } from "../train/run_steps.ts";
import { maskPenalty, stamp } from "./operations.ts";

/** How to look for a trigger. */
export interface InversionSettings {
  readonly preprocessing: Preprocessing;
  /** Images a step. */
  readonly batchSize: number;
  /** Most steps for one class. */
  readonly steps: number;
  /** Draws the first pattern and the order of the images. */
  readonly seed: number;
  /** Memory for intermediate values, where programs share it. */
  readonly scratch?: Scratch | undefined;
}

/** A mask and a pattern. */
export interface RecoveredTrigger {
  /** (H,W), in [0,1] */
  readonly mask: Float32Array<ArrayBuffer>;
  /** (3,H,W), pixels in [0,1] */
  readonly pattern: Float32Array<ArrayBuffer>;
  /** L1 norm of the mask, pixels. */
  readonly maskNorm: number;
}

/** The state of an inversion, after each look. */
export interface InversionProgress {
  readonly step: number;
  /** Of the mask as it is, pixels. */
  readonly maskNorm: number;
  /** Share of the images since the look before that the trigger led to the class. */
  readonly successRate: number;
}

/** How to watch and stop an inversion. */
export interface InversionWatch {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: InversionProgress) => void) | undefined;
}

/** A prepared search, for one class after the other; disposing of it frees its GPU memory. */
export interface TriggerInversion extends Disposable {
  /**
   * Finds a small trigger that turns the images `records` of the store into `label`.
   *
   * @throws {Interrupted} when the signal is aborted.
   * @throws {ModelError} where the search does not stay finite.
   */
  invert(
    label: number,
    records: Uint32Array,
    watch?: InversionWatch,
  ): Promise<RecoveredTrigger>;
}

/** Steps between two decisions about λ; each costs a fence. */
const STEPS_PER_LOOK = 10;

/** Looks without a smaller trigger after which a search that has found one ends. */
const PATIENCE = 5;

/** Success rate from which a trigger counts as working, as in the authors' code. */
const WORKING = 0.99;

/** First λ, and its factors after a look at which the trigger worked or worked no more. */
const PENALTY = { first: 0.01, up: 2, down: 0.5 };

/** Decay rates of the authors' code. */
const ADAM: AdamSettings = { learningRate: 0.2, beta1: 0.5, beta2: 0.9 };

/** Latent value of the first mask: 12 % everywhere. */
const FIRST_MASK = -2;

/** Records one step of the search, whatever the class. */
export function createInversion(
  gpu: Gpu,
  model: Model,
  images: ImageStore,
  settings: InversionSettings,
): TriggerInversion {
  const { batchSize, steps, preprocessing, seed } = settings;
  const { classes } = model.architecture;
  const { height, width } = images;
  const plane = height * width;
  const latentSize = LATENT_PLANES * plane;
  const total = steps * batchSize;
  const options = { batchSize, steps, preprocessing, scratch: settings.scratch };
  using guard = gpu.scope();
  const recorded = guard.own(recordPass(gpu, images, options, (tape, { x }, { state }, scope) => {
    const own = (shape: readonly number[], label: string, type: "f32" | "u32" = "f32") => {
      const range = scope.buffer(4 * shape.reduce((a, b) => a * b, 1), label);
      return locatedTensor(shape, range, label, type);
    };
    const latent = own([LATENT_PLANES, height, width], "latent trigger");
    const [first, second] = [own([latentSize], "mean gradient"), own([latentSize], "mean square")];
    const weight = own([1], "mask weight");
    const aims = own([batchSize], "aims", "u32");
    const counts = own([classes * classes], "classes of triggered images", "u32");
    const stamped = stamp(tape, x, latent, preprocessing);
    const { logits } = recordForward(tape, model, stamped, "evaluation");
    tape.run(confusionKernel(batchSize, classes, total), [logits, aims], [counts, state]);
    const [gradient] = tape.gradients([
      { loss: crossEntropy(tape, logits, aims), weight: 1 },
      { loss: maskPenalty(tape, latent, weight), weight: 1 },
    ], [latent]);
    tape.run(adamKernel(latentSize, ADAM), [gradient!, state], [latent, first, second]);
    return { latent, first, second, weight, aims, counts };
  }));
  const { program, source, outputs: { latent, first, second, weight, aims, counts } } = recorded;
  program.prepare();
  const memory = guard.move();
  return {
    async invert(label, records, watch = {}) {
      const random = new RandomStream(seed, RandomPurpose.trigger, label);
      const indices = drawBatches(
        records,
        total,
        new RandomStream(seed, RandomPurpose.order, label),
      );
      startEpoch(gpu, source, { epoch: 0, seed, indices });
      gpu.write(
        latent.location!,
        Float32Array.from(
          { length: latentSize },
          (_, i) => i < plane ? FIRST_MASK : random.normal(),
        ),
      );
      for (const moment of [first, second]) {
        gpu.write(moment.location!, new Float32Array(latentSize));
      }
      gpu.write(aims.location!, new Uint32Array(batchSize).fill(label));
      gpu.write(counts.location!, new Uint32Array(classes * classes));

      let penalty = PENALTY.first;
      let successes = 0;
      let best: RecoveredTrigger & { successRate: number } | undefined;
      let bestStep = 0;
      for (let step = 0; step < steps;) {
        if (watch.signal?.aborted) throw new Interrupted("stopped");
        gpu.write(weight.location!, Float32Array.of(penalty));
        const count = Math.min(STEPS_PER_LOOK, steps - step);
        let read: ArrayBuffer[] = [];
        await runSteps(gpu, program, count, { signal: watch.signal }, async () => {
          read = await gpu.read(latent.location!, counts.location!);
        });
        step += count;
        const latentValues = new Float32Array(read[0]!);
        if (!latentValues.every(Number.isFinite)) {
          throw new ModelError(
            `cannot search for a trigger of class ${label}: after ${step} steps it is no longer finite; ` +
              "the network answers with NaN or infinite values",
          );
        }
        const before = successes;
        successes = new Uint32Array(read[1]!)[label * classes + label]!;
        const successRate = (successes - before) / (count * batchSize);
        const found = { ...fromLatent(latentValues, plane), successRate };
        watch.onProgress?.({ step, maskNorm: found.maskNorm, successRate });
        if (!best || isBetter(found, best)) {
          best = found;
          bestStep = step;
        }
        if (best.successRate >= WORKING && step - bestStep >= PATIENCE * STEPS_PER_LOOK) break;
        if (successRate >= WORKING) penalty *= PENALTY.up;
        else if (best.successRate >= WORKING) penalty *= PENALTY.down;
      }
      const { mask, pattern, maskNorm } = best!;
      return { mask, pattern, maskNorm };
    },
    [Symbol.dispose]: () => memory[Symbol.dispose](),
  };
}

/** `count` records, each as often as the others, in random order. */
function drawBatches(
  records: Uint32Array,
  count: number,
  random: RandomStream,
): Uint32Array<ArrayBuffer> {
  const drawn = new Uint32Array(count);
  for (let at = 0; at < count; at += records.length) {
    const pass = shuffle(records.length, random).subarray(0, count - at);
    drawn.set(pass.map((i) => records[i]!), at);
  }
  return drawn;
}

function fromLatent(latent: Float32Array<ArrayBuffer>, plane: number): RecoveredTrigger {
  const values = latent.map((a) => 1 / (1 + Math.exp(-a)));
  const mask = values.slice(0, plane);
  return { mask, pattern: values.slice(plane), maskNorm: mask.reduce((a, b) => a + b, 0) };
}

/** Among triggers that work the smaller one, else the one that works better. */
function isBetter(
  a: { maskNorm: number; successRate: number },
  b: { maskNorm: number; successRate: number },
): boolean {
  if (a.successRate >= WORKING && b.successRate >= WORKING) return a.maskNorm < b.maskNorm;
  return a.successRate > b.successRate;
}
