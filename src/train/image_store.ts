/** Images on the GPU: uploaded once as packed bytes, gathered into batches by a kernel. */

import { CHANNELS, imageCount, type ImageSet } from "../data/image_set.ts";
import { DataError } from "../errors.ts";
import type { BufferRange, Gpu } from "../gpu/gpu.ts";
import { locatedTensor, type Tensor } from "../tensor/tensor.ts";

/** An image set on one device; disposing of it frees its GPU memory. */
export interface ImageStore extends Disposable {
  /** Number of images. */
  readonly count: number;
  /** Pixels. */
  readonly height: number;
  /** Pixels. */
  readonly width: number;
  /** Packed bytes, in as many buffers as the device's binding limit needs. */
  readonly segments: readonly Tensor[];
  /** Images in each segment. */
  readonly segmentCounts: readonly number[];
  /** (N) */
  readonly labels: Tensor;
}

/**
 * Uploads an image set; throws {@linkcode DataError} for one without images.
 *
 * @param labels Labels to use instead of the set's own, for poisoned images.
 */
export function uploadImages(
  gpu: Gpu,
  set: ImageSet,
  labels: ArrayLike<number> = set.labels,
): ImageStore {
  const count = imageCount(set);
  if (count === 0) throw new DataError("cannot upload an image set: found no image in it");
  const record = CHANNELS * set.height * set.width;
  // A multiple of four records keeps every segment's start on a whole word.
  const limit = gpu.adapter.limits.maxStorageBufferBindingSize;
  const perSegment = Math.max(4, Math.floor(limit / record / 4) * 4);
  using scope = gpu.scope();
  const segments: Tensor[] = [];
  const segmentCounts: number[] = [];
  for (let first = 0; first < count; first += perSegment) {
    const images = Math.min(perSegment, count - first);
    const bytes = images * record;
    const words = Math.ceil(bytes / 4);
    const range = scope.buffer(words * 4, "images");
    const whole = set.pixels.subarray(first * record, first * record + bytes);
    const padded = bytes % 4 === 0 ? whole : new Uint8Array(words * 4);
    if (padded !== whole) padded.set(whole);
    gpu.write(range, padded);
    segments.push(locatedTensor([words], range, "images", "u32"));
    segmentCounts.push(images);
  }
  const labelRange = scope.buffer(count * 4, "labels");
  gpu.write(labelRange, Uint32Array.from(labels));
  const memory = scope.move();
  return {
    count,
    height: set.height,
    width: set.width,
    segments,
    segmentCounts,
    labels: locatedTensor([count], labelRange, "labels", "u32"),
    [Symbol.dispose]: () => memory[Symbol.dispose](),
  };
}

/** Downloads the images of a store. */
export async function readImages(gpu: Gpu, store: ImageStore): Promise<ImageSet> {
  const { count, height, width } = store;
  const record = CHANNELS * height * width;
  const ranges = [...store.segments, store.labels].map(({ location }) => location as BufferRange);
  const parts = await gpu.read(...ranges);
  const labels = Uint16Array.from(new Uint32Array(parts.pop()!));
  const pixels = new Uint8Array(count * record);
  let at = 0;
  for (const [segment, part] of parts.entries()) {
    const bytes = store.segmentCounts[segment]! * record;
    pixels.set(new Uint8Array(part, 0, bytes), at);
    at += bytes;
  }
  return { pixels, labels, height, width };
}

/** Downloads the labels of a store, (N). */
export async function readLabels(gpu: Gpu, { labels }: ImageStore): Promise<Uint32Array> {
  const [bytes] = await gpu.read(labels.location as BufferRange);
  return new Uint32Array(bytes!);
}
