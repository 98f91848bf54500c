/**
 * Average, max and global pooling of (N,C,H,W), and adaptive average pooling as PyTorch defines it.
 * One invocation computes one element: of the output going forward, of the input going backward, so
 * that no two invocations add to the same place.
 */

import { elementwise } from "./elementwise.ts";
import { constants, declareBindings, type Kernel } from "./kernel.ts";

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

/** WGSL: the numbers of a pooling by name. */
function poolConstants({ height, width, window, stride, ...rest }: PoolGeometry): string {
  const out = pooledExtent({ height, width, window, stride, ...rest });
  return constants({
    height,
    width,
    window,
    stride,
    outHeight: out.height,
    outWidth: out.width,
  });
}

/** WGSL: plane, row and column of output element `i`, and the index of its window's corner. */
const OUTPUT_POSITION = /* wgsl */ `
    let plane = i / (outHeight * outWidth);
    let row = i / outWidth % outHeight;
    let column = i % outWidth;
    let corner = (plane * height + row * stride) * width + column * stride;`;

/** WGSL: the first output window along an axis that holds `position`. */
const firstWindow = (position: string) =>
  `select(0u, (${position} - (window - 1u) + (stride - 1u)) / stride, ${position} >= window)`;

/**
 * WGSL: walks over the output windows that hold input element `i`; `body` sees their index `o` and the
 * window's row `r` and column `c`.
 */
const coveringWindows = (body: string) => /* wgsl */ `
    let plane = i / (height * width);
    let row = i / width % height;
    let column = i % width;
    for (var r = ${firstWindow("row")}; r <= min(row / stride, outHeight - 1u); r++) {
      for (var c = ${firstWindow("column")}; c <= min(column / stride, outWidth - 1u); c++) {
        let o = (plane * outHeight + r) * outWidth + c;
        ${body}
      }
    }`;

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
    poolConstants(g) +
      declareBindings([{ name: "x", elements: input }], [{ name: "y", elements: output }]),
    /* wgsl */ `${OUTPUT_POSITION}
    var sum = 0.0;
    for (var r = 0u; r < window; r++) {
      for (var c = 0u; c < window; c++) { sum += x[corner + r * width + c]; }
    }
    y[i] = sum / f32(window * window);`,
  );
}

/** dy -> dx: each window's gradient, spread evenly. */
export function averagePoolGradientKernel(g: PoolGeometry): Kernel {
  const { input, output } = counts(g);
  return elementwise(
    `average pool gradient ${describe(g)}`,
    input,
    poolConstants(g) +
      declareBindings([{ name: "dy", elements: output }], [{ name: "dx", elements: input }]),
    /* wgsl */ `var sum = 0.0;
    ${coveringWindows("sum += dy[o];")}
    dx[i] = sum / f32(window * window);`,
  );
}

/** x -> y, the largest value of each window. */
export function maxPoolKernel(g: PoolGeometry): Kernel {
  const { input, output } = counts(g);
  return elementwise(
    `max pool ${describe(g)}`,
    output,
    poolConstants(g) +
      declareBindings([{ name: "x", elements: input }], [{ name: "y", elements: output }]),
    /* wgsl */ `${OUTPUT_POSITION}
    var largest = x[corner];
    for (var r = 0u; r < window; r++) {
      for (var c = 0u; c < window; c++) {
        largest = max(largest, x[corner + r * width + c]);
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
    poolConstants(g) +
      declareBindings([{ name: "x", elements: input }, { name: "dy", elements: output }], [
        { name: "dx", elements: input },
      ]),
    /* wgsl */ `var sum = 0.0;
    ${
      coveringWindows(
        `let corner = (plane * height + r * stride) * width + c * stride;
        var best = corner;
        for (var wr = 0u; wr < window; wr++) {
          for (var wc = 0u; wc < window; wc++) {
            let candidate = corner + wr * width + wc;
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
    constants({ pixels }) +
      declareBindings([{ name: "x", elements: planes * pixels }], [{
        name: "y",
        elements: planes,
      }]),
    /* wgsl */ `var sum = 0.0;
    for (var p = 0u; p < pixels; p++) { sum += x[i * pixels + p]; }
    y[i] = sum / f32(pixels);`,
  );
}

/** dy (planes) -> dx (planes, pixels). */
export function globalPoolGradientKernel(planes: number, pixels: number): Kernel {
  return elementwise(
    `global pool gradient ${planes}x${pixels}`,
    planes * pixels,
    constants({ pixels }) + declareBindings([{ name: "dy", elements: planes }], [
      { name: "dx", elements: planes * pixels },
    ]),
    /* wgsl */ `dx[i] = dy[i / pixels] / f32(pixels);`,
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

/** WGSL: the numbers of an adaptive pooling by name. */
function adaptiveConstants({ height, width, outHeight, outWidth }: AdaptivePoolGeometry): string {
  return constants({ height, width, outHeight, outWidth });
}

/** WGSL for PyTorch's window of output position `o`: floor(o I / O) to ceil((o + 1) I / O). */
const windowStart = (o: string, input: string, output: string) => `(${o} * ${input} / ${output})`;
const windowEnd = (o: string, input: string, output: string) =>
  `(((${o} + 1u) * ${input} + (${output} - 1u)) / ${output})`;

/** x (planes,H,W) -> y (planes,H',W'): `adaptive_avg_pool2d`. */
export function adaptivePoolKernel(g: AdaptivePoolGeometry): Kernel {
  const input = g.planes * g.height * g.width;
  const output = g.planes * g.outHeight * g.outWidth;
  return elementwise(
    `adaptive pool ${g.planes}x${g.height}x${g.width} -> ${g.outHeight}x${g.outWidth}`,
    output,
    adaptiveConstants(g) +
      declareBindings([{ name: "x", elements: input }], [{ name: "y", elements: output }]),
    /* wgsl */ `let plane = i / (outHeight * outWidth);
    let row = i / outWidth % outHeight;
    let column = i % outWidth;
    let top = ${windowStart("row", "height", "outHeight")};
    let bottom = ${windowEnd("row", "height", "outHeight")};
    let left = ${windowStart("column", "width", "outWidth")};
    let right = ${windowEnd("column", "width", "outWidth")};
    var sum = 0.0;
    for (var r = top; r < bottom; r++) {
      for (var c = left; c < right; c++) { sum += x[(plane * height + r) * width + c]; }
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
    adaptiveConstants(g) +
      declareBindings([{ name: "dy", elements: output }], [{ name: "dx", elements: input }]),
    /* wgsl */ `let plane = i / (height * width);
    let row = i / width % height;
    let column = i % width;
    var sum = 0.0;
    for (var r = 0u; r < outHeight; r++) {
      let top = ${windowStart("r", "height", "outHeight")};
      let bottom = ${windowEnd("r", "height", "outHeight")};
      if (row < top || row >= bottom) { continue; }
      for (var c = 0u; c < outWidth; c++) {
        let left = ${windowStart("c", "width", "outWidth")};
        let right = ${windowEnd("c", "width", "outWidth")};
        if (column < left || column >= right) { continue; }
        sum += dy[(plane * outHeight + r) * outWidth + c] /
          f32((bottom - top) * (right - left));
      }
    }
    dx[i] = sum;`,
  );
}
