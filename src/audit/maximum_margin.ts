/**
 * The largest margin by which a network can prefer each class: Wang, Xiang, Miller and Kesidis,
 * "MM-BD: Post-Training Detection of Backdoor Attacks with Arbitrary Backdoor Pattern Types Using a
 * Maximum Margin Statistic" (IEEE S&P 2024). A backdoor, whatever its trigger looks like, is trained
 * to overrule every feature of the true class, and so lifts the margin of its target far above that
 * of the other classes. No image is needed.
 *
 * The ascent goes by signs of the gradient, as PGD does, with which a few dozen steps are enough.
 */

import { ascentKernel } from "../../shaders/adversarial.ts";
import type { Preprocessing } from "../../shaders/gather.ts";
import { CHANNELS } from "../data/image_set.ts";
import { RandomPurpose, RandomStream } from "../data/random.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { type Model, recordForward } from "../nn/model.ts";
import { mean } from "../tensor/operations/mean.ts";
import { recordProgram } from "../tensor/program.ts";
import { locatedTensor } from "../tensor/tensor.ts";
import { runSteps } from "../train/run_steps.ts";
import { margins } from "./operations.ts";

/** How to look for the largest margin. */
export interface MarginSettings {
  readonly preprocessing: Preprocessing;
  /** Pixels. */
  readonly height: number;
  /** Pixels. */
  readonly width: number;
  /** Images that ascend together. */
  readonly batchSize: number;
  /** Random images to start from, for each class. */
  readonly starts: number;
  readonly steps: number;
  /** L∞ length of a step, of pixels in [0,1]. */
  readonly step: number;
  /** Draws the first images. */
  readonly seed: number;
}

/**
 * For each of `labels` the largest found value of its logit less the largest other logit, over all
 * images with pixels in [0,1].
 *
 * @param watch.onProgress Told the share that is done.
 * @throws {Interrupted} when the signal is aborted.
 */
export async function maximumMargins(
  gpu: Gpu,
  model: Model,
  labels: readonly number[],
  settings: MarginSettings,
  watch: { signal?: AbortSignal | undefined; onProgress?: (share: number) => void } = {},
): Promise<number[]> {
  const { batchSize: batch, height, width, starts, steps, preprocessing } = settings;
  const elements = batch * CHANNELS * height * width;
  const shape = [batch, CHANNELS, height, width];
  using recorded = recordProgram(gpu, (tape, scope) => {
    const x = locatedTensor(shape, scope.buffer(4 * elements, "images"), "ascending images");
    const origin = locatedTensor(shape, scope.buffer(4 * elements, "images"), "first images");
    const aims = locatedTensor([batch], scope.buffer(4 * batch, "aims"), "aims", "u32");
    const { logits } = recordForward(tape, model, x, "evaluation");
    const found = tape.keep(margins(tape, logits, aims));
    const [gradient] = tape.gradients([{ loss: mean(tape, found), weight: 1 }], [x]);
    // All images lie within 1 of each other: nothing holds the ascent but black and white.
    const ascent = { step: settings.step, radius: 1 };
    const geometry = { batch, height, width };
    tape.run(ascentKernel(geometry, preprocessing, ascent, "in place"), [gradient!, origin], [x]);
    return { x, origin, aims, found };
  });
  const { program, outputs: { x, origin, aims, found } } = recorded;
  const largest = new Map(labels.map((label) => [label, -Infinity]));
  const runs = labels.flatMap((label) => Array.from({ length: starts }, () => label));
  const random = new RandomStream(settings.seed, RandomPurpose.trigger);
  program.prepare();
  for (let first = 0; first < runs.length; first += batch) {
    const group = runs.slice(first, first + batch);
    const images = randomImages(elements, random, settings);
    gpu.write(x.location!, images);
    gpu.write(origin.location!, images);
    gpu.write(aims.location!, Uint32Array.from({ length: batch }, (_, i) => group[i] ?? 0));
    await runSteps(gpu, program, steps, {
      signal: watch.signal,
      onProgress: (done) => watch.onProgress?.((first + group.length * done / steps) / runs.length),
    });
    const reached = await program.read(found);
    for (const [i, label] of group.entries()) {
      largest.set(label, Math.max(largest.get(label)!, reached[i]!));
    }
  }
  return labels.map((label) => largest.get(label)!);
}

/** Noise, uniform between black and white, as the network sees it. */
function randomImages(
  elements: number,
  random: RandomStream,
  { height, width, preprocessing: { mean, deviation } }: MarginSettings,
): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: elements }, (_, i) => {
    const c = Math.floor(i / (height * width)) % CHANNELS;
    return (random.uniform() - mean[c]!) / deviation[c]!;
  });
}
