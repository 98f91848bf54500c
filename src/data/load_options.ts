/** What every data set can be asked to load, so that a command holds no image that it won't use. */

import { DataError } from "../errors.ts";
import { evenSubset } from "./clean_subset.ts";
import type { ImageSet } from "./image_set.ts";

/** One of the two halves of a data set. */
export type Part = "train" | "test";

/** Options common to all loaders. */
export interface LoadOptions {
  /** Which parts to load; the other one comes back without images. Default: both. */
  readonly parts?: readonly Part[];
  /**
   * Chooses the training images to keep, given how many there are: ascending indices in file order.
   * Image i of the result is the image at its i-th index. Default: all.
   */
  readonly trainSubset?: (count: number) => ArrayLike<number>;
  /**
   * Keeps so many training images, of all classes alike as {@linkcode evenSubset} chooses them; goes
   * before `trainSubset`. Default: all.
   */
  readonly trainLimit?: number;
  /** Told what is amiss but not fatal, such as files that were skipped. Default: not told. */
  readonly onWarning?: (message: string) => void;
  /** Told how the files were understood, such as what was passed over. Default: not told. */
  readonly onNotice?: (message: string) => void;
}

/** Whether `part` is to be loaded. */
export function isWanted(part: Part, options: LoadOptions): boolean {
  return options.parts === undefined || options.parts.includes(part);
}

/**
 * The indices that the options choose out of `count` training images, or all of them; `labels` gives
 * the class of each, and is only called where it is needed. Throws {@linkcode DataError} unless they ascend and stay below `count`.
 */
export function chosenIndices(
  options: LoadOptions,
  count: number,
  labels: () => ArrayLike<number>,
): ArrayLike<number> {
  if (options.trainLimit !== undefined) return evenSubset(labels(), options.trainLimit);
  const indices = options.trainSubset?.(count) ?? indicesBelow(count);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    const ascends = i === 0 || index > indices[i - 1]!;
    if (!(Number.isInteger(index) && index >= 0 && index < count && ascends)) {
      throw new DataError(
        `cannot load training image ${index} (number ${i} of the subset): ` +
          `expected ascending indices below ${count}`,
      );
    }
  }
  return indices;
}

/** 0 to `count - 1`. */
export function indicesBelow(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i);
}

/** The part that is not wanted, of images with sides of `side` pixels. */
export function noImages(side: number): ImageSet {
  return { pixels: new Uint8Array(), labels: new Uint16Array(), height: side, width: side };
}
