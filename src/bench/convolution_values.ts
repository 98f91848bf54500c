/** Single values of a convolution's result by plain loops in float64, fusions included. */

import {
  type ConvolutionBinding,
  type ConvolutionUse,
  outputExtent,
} from "../../shaders/convolution/use.ts";

/** What the kernel read, by name; coefficients are (4,C): scale, shift, mean, inverse deviation. */
export type ConvolutionInputs = Readonly<Partial<Record<ConvolutionBinding, Float32Array>>>;

/** A sum and its scale: a float32 sum of n terms errs by less than n 2^-24 `magnitude`. */
export interface ReferenceValue {
  readonly value: number;
  /** Sum of the absolute terms, those of the batch norm inside them included. */
  readonly magnitude: number;
  /** Terms of the sum. */
  readonly terms: number;
}

/** Element `at` of the kernel's first result: of y, dx or dw. */
export function convolutionValue(
  use: ConvolutionUse,
  inputs: ConvolutionInputs,
  at: number,
): ReferenceValue {
  const { geometry: g } = use;
  const normalised = use.direction === "inputGradient"
    ? use.fusion.normalised
    : use.fusion.normaliseInput;
  const { x = [], w = [], dy = [], residual, addend, coefficients = [] } = inputs;
  const out = outputExtent(g);
  const r = g.kernelSize;
  const imageAt = (n: number, c: number, row: number, column: number) =>
    ((n * g.inChannels + c) * g.height + row) * g.width + column;
  const outputAt = (n: number, k: number, row: number, column: number) =>
    ((n * g.outChannels + k) * out.height + row) * out.width + column;
  const weightAt = (k: number, c: number, ky: number, kx: number) =>
    ((k * g.inChannels + c) * r + ky) * r + kx;
  // Of x, or of its batch norm before the ReLU: the value, and the sum of the absolute terms.
  const linear = (i: number, c: number): readonly [value: number, magnitude: number] => {
    if (!normalised) return [x[i]!, Math.abs(x[i]!)];
    const scaled = coefficients[c]! * x[i]!;
    const shift = coefficients[g.inChannels + c]!;
    return [scaled + shift, Math.abs(scaled) + Math.abs(shift)];
  };
  const inside = (row: number, column: number) =>
    row >= 0 && row < g.height && column >= 0 && column < g.width;

  let value = 0;
  let magnitude = 0;
  let terms = 0;
  const add = (term: number, size = Math.abs(term)) => {
    value += term;
    magnitude += size;
    terms++;
  };
  const addActivation = (i: number, c: number, factor: number) => {
    const [z, size] = linear(i, c);
    add((normalised ? Math.max(0, z) : z) * factor, size * Math.abs(factor));
  };
  switch (use.direction) {
    case "forward": {
      const [n, k, oy, ox] = positions(at, [g.outChannels, out.height, out.width]);
      for (let c = 0; c < g.inChannels; c++) {
        forEachTap(r, (ky, kx) => {
          const row = oy * g.stride + ky - g.padding;
          const column = ox * g.stride + kx - g.padding;
          if (!inside(row, column)) return;
          addActivation(imageAt(n, c, row, column), c, w[weightAt(k, c, ky, kx)]!);
        });
      }
      if (residual) add(residual[at]!);
      break;
    }
    case "inputGradient": {
      const [n, c, row, column] = positions(at, [g.inChannels, g.height, g.width]);
      for (let k = 0; k < g.outChannels; k++) {
        forEachTap(r, (ky, kx) => {
          const oy = (row + g.padding - ky) / g.stride;
          const ox = (column + g.padding - kx) / g.stride;
          if (!Number.isInteger(oy) || !Number.isInteger(ox)) return;
          if (oy < 0 || oy >= out.height || ox < 0 || ox >= out.width) return;
          add(dy[outputAt(n, k, oy, ox)]! * w[weightAt(k, c, ky, kx)]!);
        });
      }
      if (addend) add(addend[at]!);
      if (normalised && !(linear(at, c)[0] > 0)) value = 0;
      break;
    }
    case "weightGradient": {
      const [k, c, ky, kx] = positions(at, [g.inChannels, r, r]);
      for (let n = 0; n < g.batch; n++) {
        for (let oy = 0; oy < out.height; oy++) {
          for (let ox = 0; ox < out.width; ox++) {
            const row = oy * g.stride + ky - g.padding;
            const column = ox * g.stride + kx - g.padding;
            if (!inside(row, column)) continue;
            addActivation(imageAt(n, c, row, column), c, dy[outputAt(n, k, oy, ox)]!);
          }
        }
      }
      break;
    }
  }
  return { value, magnitude, terms };
}

/** The four indices of flat index `at` in a tensor of which `inner` are the last three extents. */
function positions(
  at: number,
  inner: readonly [number, number, number],
): [number, number, number, number] {
  const [a, b, c] = inner;
  return [
    Math.floor(at / (a * b * c)),
    Math.floor(at / (b * c)) % a,
    Math.floor(at / c) % b,
    at % c,
  ];
}

function forEachTap(kernelSize: number, visit: (ky: number, kx: number) => void): void {
  for (let ky = 0; ky < kernelSize; ky++) {
    for (let kx = 0; kx < kernelSize; kx++) visit(ky, kx);
  }
}
