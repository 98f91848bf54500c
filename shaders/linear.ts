/** The fully connected layer y = x wᵀ + b with x (N,C), w (K,C), b (K), y (N,K). */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";

/** Extents of a fully connected layer. */
export interface LinearGeometry {
  /** N */
  readonly batch: number;
  /** C */
  readonly inputs: number;
  /** K */
  readonly outputs: number;
}

/** x, w, b -> y. */
export function linearKernel({ batch, inputs, outputs }: LinearGeometry): Kernel {
  return elementwise(
    `linear ${batch}x${inputs} -> ${outputs}`,
    batch * outputs,
    declareBindings([
      { name: "x", elements: batch * inputs },
      { name: "w", elements: outputs * inputs },
      { name: "b", elements: outputs },
    ], [{ name: "y", elements: batch * outputs }]),
    `let n = i / ${outputs}u;
    let k = i % ${outputs}u;
    var sum = b[k];
    for (var c = 0u; c < ${inputs}u; c++) { sum += x[n * ${inputs}u + c] * w[k * ${inputs}u + c]; }
    y[i] = sum;`,
  );
}

/** dy, w -> dx. */
export function linearInputGradientKernel({ batch, inputs, outputs }: LinearGeometry): Kernel {
  return elementwise(
    `linear input gradient ${batch}x${inputs} -> ${outputs}`,
    batch * inputs,
    declareBindings([
      { name: "dy", elements: batch * outputs },
      { name: "w", elements: outputs * inputs },
    ], [{ name: "dx", elements: batch * inputs }]),
    `let n = i / ${inputs}u;
    let c = i % ${inputs}u;
    var sum = 0.0;
    for (var k = 0u; k < ${outputs}u; k++) {
      sum += dy[n * ${outputs}u + k] * w[k * ${inputs}u + c];
    }
    dx[i] = sum;`,
  );
}

/** x, dy -> dw, db. */
export function linearParameterGradientsKernel(geometry: LinearGeometry): Kernel {
  const { batch, inputs, outputs } = geometry;
  return elementwise(
    `linear parameter gradients ${batch}x${inputs} -> ${outputs}`,
    outputs * (inputs + 1),
    declareBindings([
      { name: "x", elements: batch * inputs },
      { name: "dy", elements: batch * outputs },
    ], [{ name: "dw", elements: outputs * inputs }, { name: "db", elements: outputs }]),
    `let k = i / ${inputs + 1}u;
    let c = i % ${inputs + 1}u;
    var sum = 0.0;
    if (c == ${inputs}u) {
      for (var n = 0u; n < ${batch}u; n++) { sum += dy[n * ${outputs}u + k]; }
      db[k] = sum;
    } else {
      for (var n = 0u; n < ${batch}u; n++) {
        sum += dy[n * ${outputs}u + k] * x[n * ${inputs}u + c];
      }
      dw[k * ${inputs}u + c] = sum;
    }`,
  );
}
