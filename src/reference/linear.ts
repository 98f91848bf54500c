/** The fully connected layer in float64. */

import type { LinearGeometry } from "../../shaders/linear.ts";

/** x (N,C), w (K,C), b (K) -> y (N,K). */
export function linear(
  { batch, inputs, outputs }: LinearGeometry,
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  b: ArrayLike<number>,
): Float64Array {
  const y = new Float64Array(batch * outputs);
  for (let n = 0; n < batch; n++) {
    for (let k = 0; k < outputs; k++) {
      y[n * outputs + k] = b[k]!;
      for (let c = 0; c < inputs; c++) {
        y[n * outputs + k]! += x[n * inputs + c]! * w[k * inputs + c]!;
      }
    }
  }
  return y;
}

/** dy (N,K) -> dx, dw, db. */
export function linearGradient(
  { batch, inputs, outputs }: LinearGeometry,
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  dy: ArrayLike<number>,
): { dx: Float64Array; dw: Float64Array; db: Float64Array } {
  const dx = new Float64Array(batch * inputs);
  const dw = new Float64Array(outputs * inputs);
  const db = new Float64Array(outputs);
  for (let n = 0; n < batch; n++) {
    for (let k = 0; k < outputs; k++) {
      const d = dy[n * outputs + k]!;
      db[k]! += d;
      for (let c = 0; c < inputs; c++) {
        dx[n * inputs + c]! += d * w[k * inputs + c]!;
        dw[k * inputs + c]! += d * x[n * inputs + c]!;
      }
    }
  }
  return { dx, dw, db };
}
