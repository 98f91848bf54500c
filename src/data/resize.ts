/**
 * Resizes images as Pillow's `Image.resize(size, BILINEAR)` does, to the bit: a triangle filter that
 * widens with the reduction, so that shrinking averages (no aliasing) and enlarging interpolates.
 */

/** Fractional bits of a filter weight (`PRECISION_BITS` of Pillow's Resample.c). */
const WEIGHT_BITS = 22;

/** The source positions that one target position averages, and their weights. */
interface Window {
  readonly first: number;
  readonly weights: Float64Array;
}

/** Resizes bytes of (C,H,W) to (C,`toHeight`,`toWidth`): rows first, rounded, then columns. */
export function resizeImage(
  pixels: Uint8Array,
  height: number,
  width: number,
  toHeight: number,
  toWidth: number,
): Uint8Array<ArrayBuffer> {
  if (height === toHeight && width === toWidth) return new Uint8Array(pixels);
  const channels = pixels.length / (height * width);
  const rows = new Uint8Array(channels * height * toWidth);
  windows(width, toWidth).forEach((window, x) => {
    for (let line = 0; line < channels * height; line++) {
      rows[line * toWidth + x] = average(pixels, line * width, 1, window);
    }
  });
  const resized = new Uint8Array(channels * toHeight * toWidth);
  windows(height, toHeight).forEach((window, y) => {
    for (let c = 0; c < channels; c++) {
      for (let x = 0; x < toWidth; x++) {
        resized[(c * toHeight + y) * toWidth + x] = average(
          rows,
          c * height * toWidth + x,
          toWidth,
          window,
        );
      }
    }
  });
  return resized;
}

/** `precompute_coeffs` and `normalize_coeffs_8bpc` of Pillow's Resample.c. */
function windows(from: number, to: number): Window[] {
  const scale = from / to;
  const support = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    const weights = new Float64Array(end - first);
    let sum = 0;
    for (let k = 0; k < weights.length; k++) {
      const distance = Math.abs((k + first - centre + 0.5) * (1 / support));
      weights[k] = Math.max(0, 1 - distance);
      sum += weights[k]!;
    }
    for (let k = 0; k < weights.length; k++) {
      weights[k] = Math.trunc(0.5 + weights[k]! / sum * 2 ** WEIGHT_BITS);
    }
    return { first, weights };
  });
}

/** Whole numbers below 2^53 throughout, so the sum is exact. */
function average(pixels: Uint8Array, start: number, step: number, window: Window): number {
  let sum = 2 ** (WEIGHT_BITS - 1);
  const { first, weights } = window;
  for (let k = 0, at = start + first * step; k < weights.length; k++, at += step) {
    sum += pixels[at]! * weights[k]!;
  }
  return Math.min(255, Math.floor(sum / 2 ** WEIGHT_BITS));
}
