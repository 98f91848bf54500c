/**
 * Gathering a batch, written the other way round from the kernel: every image is stamped, padded,
 * cropped, mirrored and holed as a whole, in the order in which data loaders do it.
 */

import { type Augmentation, type Preprocessing } from "../../shaders/gather.ts";
import { applyTrigger, type PixelTrigger } from "../../src/data/trigger.ts";
import type { ImageSet } from "../../src/data/image_set.ts";
import { pcg4d, RandomPurpose } from "../../src/data/random.ts";

/** A whole number 0..count-1 from the 16 bits of `bits`. */
const below = (bits: number, count: number) => Math.floor(bits * count / 65536);

/** Record `record` of `set` as the network sees it in `epoch`, (3,H,W), not yet preprocessed. */
function augmented(
  set: ImageSet,
  record: number,
  trigger: PixelTrigger | undefined,
  { cropPadding, flip, cutout }: Augmentation,
  { epoch, seed }: { epoch: number; seed: number },
): Float64Array {
  const { height, width } = set;
  const size = 3 * height * width;
  const original = set.pixels.subarray(record * size, (record + 1) * size);
  const image = trigger ? applyTrigger(trigger, original) : original;
  const [x, y, z, w] = pcg4d(epoch, record, RandomPurpose.augmentation, seed);

  const paddedWidth = width + 2 * cropPadding;
  const paddedHeight = height + 2 * cropPadding;
  const padded = new Float64Array(3 * paddedHeight * paddedWidth);
  const top = below(x >>> 16, 2 * cropPadding + 1);
  const left = below(y >>> 16, 2 * cropPadding + 1);
  const cropped = new Float64Array(size);
  for (let c = 0; c < 3; c++) {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        padded[(c * paddedHeight + row + cropPadding) * paddedWidth + column + cropPadding] =
          image[(c * height + row) * width + column]! / 255;
      }
    }
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        cropped[(c * height + row) * width + column] =
          padded[(c * paddedHeight + row + top) * paddedWidth + column + left]!;
      }
      if (flip && z >>> 31 === 1) {
        cropped.subarray((c * height + row) * width, (c * height + row + 1) * width).reverse();
      }
    }
  }

  const half = Math.floor(cutout / 2);
  const centreRow = below(w >>> 16, height);
  const centreColumn = below(w & 0xffff, width);
  for (let row = centreRow - half; row < centreRow + half; row++) {
    for (let column = centreColumn - half; column < centreColumn + half; column++) {
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      for (let c = 0; c < 3; c++) cropped[(c * height + row) * width + column] = 0;
    }
  }
  return cropped;
}

/** What to gather, and in which epoch of which run. */
export interface ReferenceGather {
  readonly records: readonly number[];
  readonly triggered: readonly boolean[];
  readonly trigger?: PixelTrigger;
  readonly augmentation: Augmentation;
  readonly preprocessing: Preprocessing;
  readonly epoch: number;
  readonly seed: number;
}

/** x (N,3,H,W). */
export function gather(set: ImageSet, what: ReferenceGather): Float64Array {
  const plane = set.height * set.width;
  const { mean, deviation } = what.preprocessing;
  const images = what.records.map((record, n) =>
    augmented(
      set,
      record,
      what.triggered[n] ? what.trigger : undefined,
      what.augmentation,
      what,
    ).map((value, i) => {
      const channel = Math.floor(i / plane);
      return (value - mean[channel]!) / deviation[channel]!;
    })
  );
  return Float64Array.from(images.flatMap((image) => [...image]));
}
