/** Labelled images in memory, the form in which every data set reaches training and evaluation. */

import { DataError } from "../errors.ts";

/** N colour images of one size with their labels. */
export interface ImageSet {
  /** Bytes 0..255, (N,3,H,W). */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** Class of each image, 0..classes-1, (N). */
  readonly labels: Uint16Array<ArrayBuffer>;
  /** H, pixels. */
  readonly height: number;
  /** W, pixels. */
  readonly width: number;
}

/** A data set as the commands load it. */
export interface Dataset {
  /** The name or folder that `--dataset` was given. */
  readonly name: string;
  /** One name a class, in label order. */
  readonly classNames: readonly string[];
  /** Images that may be trained on; a defender sees a small subset of them. */
  readonly train: ImageSet;
  /** Images that are only measured on. */
  readonly test: ImageSet;
  /** Number of each training image in file order; absent where these are all of them. */
  readonly trainRecords?: ArrayLike<number>;
}

/** Channels of every image in this project. */
export const CHANNELS = 3;

/** Number of images. */
export function imageCount(set: ImageSet): number {
  return set.labels.length;
}

/** The images at `indices`, copied in that order; throws {@linkcode DataError} out of range. */
export function selectImages(set: ImageSet, indices: ArrayLike<number>): ImageSet {
  const size = CHANNELS * set.height * set.width;
  const pixels = new Uint8Array(indices.length * size);
  const labels = new Uint16Array(indices.length);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    const label = set.labels[index];
    if (label === undefined) {
      throw new DataError(
        `cannot select image ${index}: the set holds ${imageCount(set)} images`,
      );
    }
    pixels.set(set.pixels.subarray(index * size, (index + 1) * size), i * size);
    labels[i] = label;
  }
  return { pixels, labels, height: set.height, width: set.width };
}

/** Throws {@linkcode DataError} unless lengths agree and every label is below `classes`. */
export function checkImageSet(set: ImageSet, classes: number): void {
  const expected = imageCount(set) * CHANNELS * set.height * set.width;
  if (set.pixels.length !== expected) {
    throw new DataError(
      `cannot use an image set of ${imageCount(set)} labels: found ${set.pixels.length} bytes ` +
        `of pixels, expected ${expected}`,
    );
  }
  const bad = set.labels.findIndex((label) => label >= classes);
  if (bad >= 0) {
    throw new DataError(
      `cannot use label ${set.labels[bad]} of image ${bad}: expected 0 to ${classes - 1}`,
    );
  }
}
