/** One colour image in memory, and the limits that hold before one is decoded. */

import type { Refuse } from "./refusal.ts";

/** An RGB image, laid out as models take it. */
export interface ByteImage {
  /** H, pixels. */
  readonly height: number;
  /** W, pixels. */
  readonly width: number;
  /** Bytes 0..255, (3,H,W). */
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/** Longest side of an image that is decoded, pixels: the longest that JPEG can state. */
export const MAXIMUM_SIDE = 65_535;

/** Most pixels of an image that is decoded, which takes up to two seconds: a camera's 20 megapixels. */
export const MAXIMUM_PIXELS = 20_000_000;

/** Throws what `refuse` makes unless both sides are at least 1 and within the limits above. */
export function checkImageSize(width: number, height: number, refuse: Refuse): void {
  const fits = width >= 1 && height >= 1 && width <= MAXIMUM_SIDE && height <= MAXIMUM_SIDE &&
    width * height <= MAXIMUM_PIXELS;
  if (!fits) {
    throw refuse(
      `an image of ${width} x ${height} pixels`,
      `1 to ${MAXIMUM_SIDE} a side and at most ${MAXIMUM_PIXELS} in all`,
    );
  }
}
