/** Attention maps and their distance in float64. */

import type { AttentionGeometry, AttentionOperator, Distance } from "../../shaders/attention.ts";

/** F (N,C,P) -> Σ_c |F_c|^p, or its mean over C, (N,P). */
export function attentionMap(
  f: ArrayLike<number>,
  { batch, channels, pixels }: AttentionGeometry,
  { reduction, power }: AttentionOperator,
): Float64Array {
  const map = new Float64Array(batch * pixels);
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      for (let p = 0; p < pixels; p++) {
        map[n * pixels + p]! += Math.abs(f[(n * channels + c) * pixels + p]!) ** power;
      }
    }
  }
  return reduction === "mean" ? map.map((value) => value / channels) : map;
}

/** Maps (N,P), each divided by its L2 norm + 1e-6. */
export function normalisedAttention(map: ArrayLike<number>, pixels: number): Float64Array {
  const normalised = new Float64Array(map.length);
  for (let first = 0; first < map.length; first += pixels) {
    let squares = 0;
    for (let p = 0; p < pixels; p++) squares += map[first + p]! ** 2;
    const norm = Math.sqrt(squares) + 1e-6;
    for (let p = 0; p < pixels; p++) normalised[first + p] = map[first + p]! / norm;
  }
  return normalised;
}

/**
 * The distance of two normalised maps (N,P): the mean of their squared differences over N and
 * `pixels` (P unless given), or the mean of ‖a - b‖ over N.
 */
export function attentionDistance(
  student: ArrayLike<number>,
  teacher: ArrayLike<number>,
  elements: number,
  { distance = "mean", pixels = elements }: { distance?: Distance; pixels?: number } = {},
): number {
  const a = normalisedAttention(student, elements);
  const b = normalisedAttention(teacher, elements);
  const samples = a.length / elements;
  let sum = 0;
  for (let n = 0; n < samples; n++) {
    let squares = 0;
    for (let p = n * elements; p < (n + 1) * elements; p++) squares += (a[p]! - b[p]!) ** 2;
    sum += distance === "mean" ? squares / pixels : Math.sqrt(squares);
  }
  return sum / samples;
}
