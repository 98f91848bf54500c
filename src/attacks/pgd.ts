/**
 * Projected gradient descent on images: Madry et al., "Towards Deep Learning Models Resistant to
 * Adversarial Attacks" (ICLR 2018). Untargeted, L∞, from the image itself.
 */

import { ascentKernel } from "../../shaders/adversarial.ts";
import type { Preprocessing } from "../../shaders/gather.ts";
import { CHANNELS, imageCount, type ImageSet } from "../data/image_set.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { type Model, recordForward } from "../nn/model.ts";
import { crossEntropy } from "../tensor/operations/cross_entropy.ts";
import { recordProgram } from "../tensor/program.ts";
import { locatedTensor } from "../tensor/tensor.ts";
import { runSteps } from "../train/run_steps.ts";

/** How far and how to go, in grey levels. */
export interface PgdSettings {
  /** Largest change of a byte, 0..255. */
  readonly radius: number;
  /** Change in one step, 0..255. */
  readonly step: number;
  readonly steps: number;
}

/** Images that are perturbed together. */
const BATCH_SIZE = 100;

const WHITE = 255;

/**
 * The images, each moved to where the model errs most, (N,3,H,W) bytes within `radius` of the
 * originals.
 *
 * @param watch.onProgress Told the number of images done.
 * @throws {Interrupted} when the signal is aborted.
 */
export async function perturbImages(
  gpu: Gpu,
  model: Model,
  images: ImageSet,
  settings: PgdSettings & { readonly preprocessing: Preprocessing },
  watch: { signal?: AbortSignal | undefined; onProgress?: (images: number) => void } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { height, width } = images;
  const { preprocessing: { mean, deviation }, radius, step, steps } = settings;
  const plane = height * width;
  const record = CHANNELS * plane;
  const count = imageCount(images);
  const batch = Math.min(BATCH_SIZE, count);
  const shape = [batch, CHANNELS, height, width];
  using recorded = recordProgram(gpu, (tape, scope) => {
    const x = locatedTensor(shape, scope.buffer(4 * batch * record, "images"), "images");
    const origin = locatedTensor(shape, scope.buffer(4 * batch * record, "originals"), "originals");
    const labels = locatedTensor([batch], scope.buffer(4 * batch, "labels"), "labels", "u32");
    const { logits } = recordForward(tape, model, x, "evaluation");
    const loss = crossEntropy(tape, logits, labels);
    const [gradient] = tape.gradients([{ loss, weight: 1 }], [x]);
    const sizes = { step: step / WHITE, radius: radius / WHITE };
    const geometry = { batch, height, width };
    tape.run(
      ascentKernel(geometry, settings.preprocessing, sizes, "in place"),
      [gradient!, origin],
      [x],
    );
    return { x, origin, labels };
  });
  const { program, outputs: { x, origin, labels } } = recorded;
  const perturbed = new Uint8Array(count * record);
  program.prepare();
  for (let first = 0; first < count; first += batch) {
    const length = Math.min(batch, count - first);
    const bytes = images.pixels.subarray(first * record, (first + length) * record);
    const values = new Float32Array(batch * record);
    for (let i = 0; i < bytes.length; i++) {
      const c = Math.floor(i / plane) % CHANNELS;
      values[i] = (bytes[i]! / WHITE - mean[c]!) / deviation[c]!;
    }
    const batchLabels = new Uint32Array(batch);
    batchLabels.set(images.labels.subarray(first, first + length));
    gpu.write(x.location!, values);
    gpu.write(origin.location!, values);
    gpu.write(labels.location!, batchLabels);
    await runSteps(gpu, program, steps, {
      signal: watch.signal,
      onProgress: (done) => watch.onProgress?.(first + length * done / steps),
    });
    const found = await program.read(x);
    for (let i = 0; i < bytes.length; i++) {
      const c = Math.floor(i / plane) % CHANNELS;
      const value = Math.round(WHITE * (found[i]! * deviation[c]! + mean[c]!));
      const low = Math.max(0, Math.ceil(bytes[i]! - radius));
      perturbed[first * record + i] = Math.min(WHITE, bytes[i]! + radius, Math.max(low, value));
    }
  }
  return perturbed;
}
