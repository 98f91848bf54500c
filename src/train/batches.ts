/** The head of every recorded step: a batch gathered from images on the GPU. */

import { type Corruption, corruptionKernel } from "../../shaders/corruption.ts";
import { type Augmentation, gatherKernel, type Preprocessing } from "../../shaders/gather.ts";
import { STATE_WORDS } from "../../shaders/state.ts";
import type { PixelTrigger, Trigger } from "../data/trigger.ts";
import { UsageError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Tape } from "../tensor/tape.ts";
import { locatedTensor, type Tensor } from "../tensor/tensor.ts";
import type { ImageStore } from "./image_store.ts";

/** Buffers that say which images make up each step; disposing of it frees them. */
export interface BatchSource extends Disposable {
  readonly batchSize: number;
  readonly steps: number;
  /** Step, epoch, seed: `shaders/state.ts`. */
  readonly state: Tensor;
  /** (steps, N); the highest bit asks for the trigger. */
  readonly indices: Tensor;
  readonly trigger?: {
    /** Scale and offset, (3,H,W,2). */
    readonly pairs: Tensor;
    readonly mode: PixelTrigger["overflow"];
  };
}

/** A batch on the tape. */
export interface Batch {
  /** What the student sees, (N,3,H,W). */
  readonly x: Tensor;
  /** The same images without corruption, (N,3,H,W); `x` itself where there is none. */
  readonly clean: Tensor;
  /** (N) */
  readonly labels: Tensor;
}

/** Makes the buffers. `trigger` must have the size of the images. */
export function createBatchSource(
  gpu: Gpu,
  images: ImageStore,
  options: { batchSize: number; steps: number; trigger?: PixelTrigger | undefined },
): BatchSource {
  const { batchSize, steps, trigger } = options;
  if (trigger) expectTriggerSize(trigger, images);
  using scope = gpu.scope();
  const own = (shape: readonly number[], label: string) => {
    const range = scope.buffer(4 * shape.reduce((a, b) => a * b, 1), label);
    return locatedTensor(shape, range, label, "u32");
  };
  const state = own([STATE_WORDS], "state");
  const indices = own([steps, batchSize], "batch indices");
  const pairs = trigger && own([3, trigger.height, trigger.width, 2], "trigger");
  if (trigger) {
    const values = new Int32Array(2 * trigger.scale.length);
    for (const [i, scale] of trigger.scale.entries()) {
      values[2 * i] = scale;
      values[2 * i + 1] = trigger.offset[i]!;
    }
    gpu.write(pairs!.location!, values);
  }
  const memory = scope.move();
  return {
    batchSize,
    steps,
    state,
    indices,
    ...trigger && pairs ? { trigger: { pairs, mode: trigger.overflow } } : {},
    [Symbol.dispose]: () => memory[Symbol.dispose](),
  };
}

/** Throws {@linkcode UsageError} unless trigger and images are of one size. */
export function expectTriggerSize(trigger: Trigger, images: ImageStore): void {
  if (trigger.height === images.height && trigger.width === images.width) return;
  throw new UsageError(
    `cannot put a ${trigger.height}x${trigger.width} trigger on images of ` +
      `${images.height}x${images.width}`,
  );
}

/** Rewinds to the first step of an epoch with the given images, (steps N) or fewer, zero-padded. */
export function startEpoch(
  gpu: Gpu,
  source: BatchSource,
  position: { epoch: number; seed: number; indices: Uint32Array<ArrayBuffer> },
): void {
  gpu.write(source.indices.location!, position.indices);
  gpu.write(source.state.location!, Uint32Array.of(0, position.epoch, position.seed, 0));
}

/** Records the gathering of the current step's batch, and what disturbs it. */
export function gatherBatch(
  tape: Tape,
  images: ImageStore,
  source: BatchSource,
  augmentation: Augmentation,
  preprocessing: Preprocessing,
  corruption?: Corruption,
): Batch {
  const { batchSize: batch, trigger } = source;
  const { height, width } = images;
  const x = tape.transient([batch, 3, height, width], "images of the batch");
  const labels = tape.transient([batch], "labels of the batch", "u32");
  const kernel = gatherKernel(
    {
      batch,
      height,
      width,
      segments: images.segmentCounts,
      indices: source.steps * batch,
      ...trigger ? { trigger: trigger.mode } : {},
    },
    augmentation,
    preprocessing,
  );
  const triggerTensors = trigger ? [trigger.pairs] : [];
  tape.run(
    kernel,
    [...images.segments, images.labels, source.indices, source.state, ...triggerTensors],
    [x, labels],
  );
  if (!corruption) return { x, clean: x, labels };
  const corrupted = tape.transient(x.shape, "corrupted images of the batch");
  const geometry = { batch, height, width, indices: source.steps * batch };
  tape.run(
    corruptionKernel(geometry, corruption, preprocessing),
    [x, source.indices, source.state],
    [corrupted],
  );
  return { x: corrupted, clean: x, labels };
}
