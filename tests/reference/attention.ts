/** Attention maps and their distance in float64. */

import type { AttentionGeometry, AttentionOperator } from "../../shaders/attention.ts";

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

/** The mean of the squared differences of two normalised maps (N,P). */
export function attentionDistance(
  student: ArrayLike<number>,
  teacher: ArrayLike<number>,
  pixels: number,
): number {
  const a = normalisedAttention(student, pixels);
  const b = normalisedAttention(teacher, pixels);
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length;
}
