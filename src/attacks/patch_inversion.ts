/**
 * Finding a patch that a network reacts to: Liu et al., "Trojaning Attack on Neural Networks" (NDSS
 * 2018), section 4.1, with the choice of neurons by outgoing weights and the sign steps of
 * BackdoorBench.
 */

import { patchAscentKernel } from "../../shaders/adversarial.ts";
import type { Preprocessing } from "../../shaders/gather.ts";
import { RandomPurpose, RandomStream } from "../data/random.ts";
import { CHANNELS, imageCount, type ImageSet } from "../data/image_set.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { headValues } from "../nn/head.ts";
import { type Model, readModel, recordForward } from "../nn/model.ts";
import { linear } from "../tensor/operations/linear.ts";
import { mean } from "../tensor/operations/mean.ts";
import { recordProgram } from "../tensor/program.ts";
import { locatedTensor } from "../tensor/tensor.ts";
import { runSteps } from "../train/run_steps.ts";

/** Which patch to look for, and for how long. */
export interface InversionSettings {
  /** Side in pixels. */
  readonly size: number;
  /** Of its upper left corner, pixels. */
  readonly row: number;
  /** Of its upper left corner, pixels. */
  readonly column: number;
  /** Number of neurons to excite. */
  readonly neurons: number;
  /** Stops where their mean activation reaches this. */
  readonly activation: number;
  /** Stops after this many steps. */
  readonly steps: number;
  /** L∞ length of a step, of pixels in [0,1]. */
  readonly step: number;
  /** Draws the first patch. */
  readonly seed: number;
  readonly preprocessing: Preprocessing;
}

/** What was found. */
export interface InvertedPatch {
  /** Bytes (3,size,size). */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** Mean activation of the neurons under it. */
  readonly activation: number;
}

/** Steps between two looks at how far it has come. */
const STEPS_PER_LOOK = 20;

/** The lowest float32: features need not follow a ReLU. */
const LOWEST = -(2 - 2 ** -23) * 2 ** 127;

/** Looks without progress after which the ascent ends: sign steps circle around their summit. */
const PATIENCE = 5;

/**
 * The inputs of the last layer that weigh most in its decisions: largest Σ_k |w_kc|, descending.
 *
 * @param weights (K,C)
 */
export function chooseNeurons(weights: Float32Array, channels: number, count: number): number[] {
  const sums = new Float64Array(channels);
  for (const [i, weight] of weights.entries()) sums[i % channels]! += Math.abs(weight);
  return [...sums.keys()].sort((a, b) => sums[b]! - sums[a]! || a - b).slice(0, count);
}

/**
 * Ascends the mean activation of the chosen neurons over `background` images that all carry the
 * patch, and returns the best patch on the way.
 *
 * @throws {Interrupted} when the signal is aborted.
 */
export async function invertPatch(
  gpu: Gpu,
  model: Model,
  background: ImageSet,
  settings: InversionSettings,
  watch: {
    signal?: AbortSignal | undefined;
    onProgress?: (step: number, activation: number) => void;
  } = {},
): Promise<InvertedPatch> {
  const { height, width } = background;
  const { size, preprocessing } = settings;
  const batch = imageCount(background);
  const patch = CHANNELS * size * size;
  const { weight, channels } = headValues(model.architecture, await readModel(gpu, model));
  const neurons = chooseNeurons(weight, channels, settings.neurons);
  using recorded = recordProgram(gpu, (tape, scope) => {
    const own = (shape: readonly number[], label: string) =>
      locatedTensor(shape, scope.buffer(4 * shape.reduce((a, b) => a * b, 1), label), label);
    const x = own([batch, CHANNELS, height, width], "images with the patch");
    const best = own([patch], "best patch");
    const bar = own([patch], "best activation");
    // In place of the last layer: the mean of the chosen neurons.
    const selection = new Float32Array(channels);
    for (const neuron of neurons) selection[neuron] = 1 / neurons.length;
    const { features } = recordForward(tape, model, x, "evaluation");
    const chosen = linear(
      tape,
      features,
      tape.constant([1, channels], selection, "chosen neurons"),
      tape.constant([1], new Float32Array(1), "no bias"),
    );
    const activation = mean(tape, chosen);
    const [gradient] = tape.gradients([{ loss: activation, weight: 1 }], [x]);
    const geometry = { batch, height, width, size, row: settings.row, column: settings.column };
    tape.run(
      patchAscentKernel(geometry, preprocessing, settings.step),
      [gradient!, activation],
      [x, best, bar],
    );
    return { x, best, bar };
  });
  const { program, outputs: { x, best, bar } } = recorded;
  gpu.write(x.location!, withRandomPatch(background, settings));
  gpu.write(bar.location!, new Float32Array(patch).fill(LOWEST));
  program.prepare();
  let reached = -Infinity;
  let looks = 0;
  for (let done = 0; done < settings.steps && looks < PATIENCE;) {
    // One step more than asked for: a step judges the patch that the one before has made.
    const count = Math.min(STEPS_PER_LOOK, settings.steps - done) + (done === 0 ? 1 : 0);
    await runSteps(gpu, program, count, { signal: watch.signal });
    done += count;
    const [activation] = await program.read(bar);
    looks = activation! > reached ? 0 : looks + 1;
    reached = activation!;
    watch.onProgress?.(done, reached);
    if (reached >= settings.activation) break;
  }
  const values = await program.read(best);
  const pixels = Uint8Array.from(values, (value, i) => {
    const c = Math.floor(i / (size * size));
    return Math.round(255 * (value * preprocessing.deviation[c]! + preprocessing.mean[c]!));
  });
  return { pixels, activation: reached };
}

/** The images as the network sees them, with one patch of random colours on all. */
function withRandomPatch(
  { pixels, height, width }: ImageSet,
  { size, row, column, seed, preprocessing: { mean, deviation } }: InversionSettings,
): Float32Array<ArrayBuffer> {
  const random = new RandomStream(seed, RandomPurpose.trigger);
  const first = Array.from({ length: CHANNELS * size * size }, () => random.below(256));
  const plane = height * width;
  return Float32Array.from(pixels, (byte, i) => {
    const c = Math.floor(i / plane) % CHANNELS;
    const [r, s] = [Math.floor(i / width) % height - row, i % width - column];
    const inside = r >= 0 && r < size && s >= 0 && s < size;
    const value = inside ? first[(c * size + r) * size + s]! : byte;
    return (value / 255 - mean[c]!) / deviation[c]!;
  });
}
