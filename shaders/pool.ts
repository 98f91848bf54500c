/**
 * Average, max and global pooling of (N,C,H,W), and adaptive average pooling as PyTorch defines it.
 * One invocation computes one element: of the output going forward, of the input going backward, so
 * that no two invocations add to the same place.
 */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";

/** A pooling window moved over every plane, without padding. */
export interface PoolGeometry {
  /** N times C. */
  readonly planes: number;
  readonly height: number;
  readonly width: number;
  /** Height and width of the window. */
  readonly window: number;
  readonly stride: number;
}

/** Height and width after pooling: floor((extent - window) / stride) + 1. */
export function pooledExtent(geometry: PoolGeometry): { height: number; width: number } {
  const { height, width, window, stride } = geometry;
  return {
    height: Math.floor((height - window) / stride) + 1,
    width: Math.floor((width - window) / stride) + 1,
  };
}

const describe = (g: PoolGeometry) => `${g.planes}x${g.height}x${g.width} window ${g.window}`;

/** WGSL: plane, row and column of output element `i`, and the index of its window's corner. */
function outputPosition(g: PoolGeometry): string {
  const out = pooledExtent(g);
  return `
    let plane = i / ${out.height * out.width}u;
    let row = i / ${out.width}u % ${out.height}u;
    let column = i % ${out.width}u;
    let corner = (plane * ${g.height}u + row * ${g.stride}u) * ${g.width}u + column * ${g.stride}u;`;
}

/** WGSL: walks over the output windows that hold input element `i`; `body` sees
 * their index `o` and the window's row `r` and column `c`. */
function coveringWindows(g: PoolGeometry, body: string): string {
  const out = pooledExtent(g);
  const first = (position: string) =>
    `select(0u, (${position} - ${g.window - 1}u + ${g.stride - 1}u) / ${g.stride}u, ` +
    `${position} >= ${g.window}u)`;
  return `
    let plane = i / ${g.height * g.width}u;
    let row = i / ${g.width}u % ${g.height}u;
    let column = i % ${g.width}u;
    for (var r = ${first("row")}; r <= min(row / ${g.stride}u, ${out.height - 1}u); r++) {
      for (var c = ${first("column")}; c <= min(column / ${g.stride}u, ${out.width - 1}u); c++) {
        let o = (plane * ${out.height}u + r) * ${out.width}u + c;
        ${body}
      }
    }`;
}

function counts(g: PoolGeometry): { input: number; output: number } {
  const out = pooledExtent(g);
  return { input: g.planes * g.height * g.width, output: g.planes * out.height * out.width };
}

/** x -> y, the mean of each window. */
export function averagePoolKernel(g: PoolGeometry): Kernel {
  const { input, output } = counts(g);
  return elementwise(
    `average pool ${describe(g)}`,
    output,
    declareBindings([{ name: "x", elements: input }], [{ name: "y", elements: output }]),
    `${outputPosition(g)}
    var sum = 0.0;
    for (var r = 0u; r < ${g.window}u; r++) {
      for (var c = 0u; c < ${g.window}u; c++) { sum += x[corner + r * ${g.width}u + c]; }
    }
    y[i] = sum / ${g.window * g.window}.0;`,
  );
}

/** dy -> dx: each window's gradient, spread evenly. */
export function averagePoolGradientKernel(g: PoolGeometry): Kernel {
  const { input, output } = counts(g);
  return elementwise(
    `average pool gradient ${describe(g)}`,
    input,
    declareBindings([{ name: "dy", elements: output }], [{ name: "dx", elements: input }]),
    `var sum = 0.0;
    ${coveringWindows(g, "sum += dy[o];")}
    dx[i] = sum / ${g.window * g.window}.0;`,
  );
}

/** x -> y, the largest value of each window. */
export function maxPoolKernel(g: PoolGeometry): Kernel {
  const { input, output } = counts(g);
  return elementwise(
    `max pool ${describe(g)}`,
    output,
    declareBindings([{ name: "x", elements: input }], [{ name: "y", elements: output }]),
    `${outputPosition(g)}
    var largest = x[corner];
    for (var r = 0u; r < ${g.window}u; r++) {
      for (var c = 0u; c < ${g.window}u; c++) {
        largest = max(largest, x[corner + r * ${g.width}u + c]);
      }
    }
    y[i] = largest;`,
  );
}

/** x, dy -> dx: each window's gradient goes to the first of its largest values, as in PyTorch. */
export function maxPoolGradientKernel(g: PoolGeometry): Kernel {
  const { input, output } = counts(g);
  return elementwise(
    `max pool gradient ${describe(g)}`,
    input,
    declareBindings([{ name: "x", elements: input }, { name: "dy", elements: output }], [
      { name: "dx", elements: input },
    ]),
    `var sum = 0.0;
    ${
      coveringWindows(
        g,
        `let corner = (plane * ${g.height}u + r * ${g.stride}u) * ${g.width}u + c * ${g.stride}u;
        var best = corner;
        for (var wr = 0u; wr < ${g.window}u; wr++) {
          for (var wc = 0u; wc < ${g.window}u; wc++) {
            let candidate = corner + wr * ${g.width}u + wc;
            if (x[candidate] > x[best]) { best = candidate; }
          }
        }
        if (best == i) { sum += dy[o]; }`,
      )
    }
    dx[i] = sum;`,
  );
}

/** x (planes, pixels) -> y (planes): the mean of each plane. */
export function globalPoolKernel(planes: number, pixels: number): Kernel {
  return elementwise(
    `global pool ${planes}x${pixels}`,
    planes,
    declareBindings([{ name: "x", elements: planes * pixels }], [{ name: "y", elements: planes }]),
    `var sum = 0.0;
    for (var p = 0u; p < ${pixels}u; p++) { sum += x[i * ${pixels}u + p]; }
    y[i] = sum / ${pixels}.0;`,
  );
}

/** dy (planes) -> dx (planes, pixels). */
export function globalPoolGradientKernel(planes: number, pixels: number): Kernel {
  return elementwise(
    `global pool gradient ${planes}x${pixels}`,
    planes * pixels,
    declareBindings([{ name: "dy", elements: planes }], [
      { name: "dx", elements: planes * pixels },
    ]),
    `dx[i] = dy[i / ${pixels}u] / ${pixels}.0;`,
  );
}

/** Planes brought from one size to another. */
export interface AdaptivePoolGeometry {
  readonly planes: number;
  readonly height: number;
  readonly width: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/** WGSL for PyTorch's window of output position `o`: floor(o I / O) to ceil((o + 1) I / O). */
const windowStart = (o: string, input: number, output: number) => `(${o} * ${input}u / ${output}u)`;
const windowEnd = (o: string, input: number, output: number) =>
  `(((${o} + 1u) * ${input}u + ${output - 1}u) / ${output}u)`;

/** x (planes,H,W) -> y (planes,H',W'): `adaptive_avg_pool2d`. */
export function adaptivePoolKernel(g: AdaptivePoolGeometry): Kernel {
  const input = g.planes * g.height * g.width;
  const output = g.planes * g.outHeight * g.outWidth;
  return elementwise(
    `adaptive pool ${g.planes}x${g.height}x${g.width} -> ${g.outHeight}x${g.outWidth}`,
    output,
    declareBindings([{ name: "x", elements: input }], [{ name: "y", elements: output }]),
    `let plane = i / ${g.outHeight * g.outWidth}u;
    let row = i / ${g.outWidth}u % ${g.outHeight}u;
    let column = i % ${g.outWidth}u;
    let top = ${windowStart("row", g.height, g.outHeight)};
    let bottom = ${windowEnd("row", g.height, g.outHeight)};
    let left = ${windowStart("column", g.width, g.outWidth)};
    let right = ${windowEnd("column", g.width, g.outWidth)};
    var sum = 0.0;
    for (var r = top; r < bottom; r++) {
      for (var c = left; c < right; c++) { sum += x[(plane * ${g.height}u + r) * ${g.width}u + c]; }
    }
    y[i] = sum / f32((bottom - top) * (right - left));`,
  );
}

/** dy (planes,H',W') -> dx (planes,H,W). */
export function adaptivePoolGradientKernel(g: AdaptivePoolGeometry): Kernel {
  const input = g.planes * g.height * g.width;
  const output = g.planes * g.outHeight * g.outWidth;
  return elementwise(
    `adaptive pool gradient ${g.planes}x${g.height}x${g.width} -> ${g.outHeight}x${g.outWidth}`,
    input,
    declareBindings([{ name: "dy", elements: output }], [{ name: "dx", elements: input }]),
    `let plane = i / ${g.height * g.width}u;
    let row = i / ${g.width}u % ${g.height}u;
    let column = i % ${g.width}u;
    var sum = 0.0;
    for (var r = 0u; r < ${g.outHeight}u; r++) {
      let top = ${windowStart("r", g.height, g.outHeight)};
      let bottom = ${windowEnd("r", g.height, g.outHeight)};
      if (row < top || row >= bottom) { continue; }
      for (var c = 0u; c < ${g.outWidth}u; c++) {
        let left = ${windowStart("c", g.width, g.outWidth)};
        let right = ${windowEnd("c", g.width, g.outWidth)};
        if (column < left || column >= right) { continue; }
        sum += dy[(plane * ${g.outHeight}u + r) * ${g.outWidth}u + c] /
          f32((bottom - top) * (right - left));
      }
    }
    dx[i] = sum;`,
  );
}
