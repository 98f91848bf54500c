/** Slow and obvious convolution in float64: seven nested loops, in all three directions. */

import { type ConvolutionGeometry, outputExtent } from "../../shaders/convolution/use.ts";

/** Calls `visit` with the flat indices into x, w and y of every product of the convolution. */
function forEachProduct(
  geometry: ConvolutionGeometry,
  visit: (x: number, w: number, y: number) => void,
): void {
  const { batch, inChannels, height, width, outChannels, kernelSize, stride, padding } = geometry;
  const out = outputExtent(geometry);
  for (let n = 0; n < batch; n++) {
    for (let k = 0; k < outChannels; k++) {
      for (let oy = 0; oy < out.height; oy++) {
        for (let ox = 0; ox < out.width; ox++) {
          const y = ((n * outChannels + k) * out.height + oy) * out.width + ox;
          for (let c = 0; c < inChannels; c++) {
            for (let ky = 0; ky < kernelSize; ky++) {
              const row = oy * stride + ky - padding;
              if (row < 0 || row >= height) continue;
              for (let kx = 0; kx < kernelSize; kx++) {
                const column = ox * stride + kx - padding;
                if (column < 0 || column >= width) continue;
                const x = ((n * inChannels + c) * height + row) * width + column;
                const w = ((k * inChannels + c) * kernelSize + ky) * kernelSize + kx;
                visit(x, w, y);
              }
            }
          }
        }
      }
    }
  }
}

/** A result and, element by element, the sum of the absolute products that it is made of. */
export interface ReferenceSum {
  readonly value: Float64Array;
  /** Scale of the rounding error: a float32 sum of n terms errs by less than n 2^-24 of it. */
  readonly magnitude: Float64Array;
  /** Products in the longest sum. */
  readonly terms: number;
}

function accumulate(
  geometry: ConvolutionGeometry,
  elements: number,
  term: (x: number, w: number, y: number) => readonly [target: number, product: number],
): ReferenceSum {
  const value = new Float64Array(elements);
  const magnitude = new Float64Array(elements);
  const counts = new Uint32Array(elements);
  forEachProduct(geometry, (x, w, y) => {
    const [target, product] = term(x, w, y);
    value[target]! += product;
    magnitude[target]! += Math.abs(product);
    counts[target]! += 1;
  });
  return { value, magnitude, terms: counts.reduce((most, count) => Math.max(most, count), 0) };
}

/** Elements of x (N,C,H,W), w (K,C,R,R) and y (N,K,OH,OW). */
export function convolutionElements(
  geometry: ConvolutionGeometry,
): { x: number; w: number; y: number } {
  const { batch, inChannels, height, width, outChannels, kernelSize } = geometry;
  const out = outputExtent(geometry);
  return {
    x: batch * inChannels * height * width,
    w: outChannels * inChannels * kernelSize ** 2,
    y: batch * outChannels * out.height * out.width,
  };
}

/** y (N,K,OH,OW) of x (N,C,H,W) and w (K,C,R,R). */
export function convolution(
  geometry: ConvolutionGeometry,
  x: ArrayLike<number>,
  w: ArrayLike<number>,
): ReferenceSum {
  return accumulate(
    geometry,
    convolutionElements(geometry).y,
    (i, j, o) => [o, x[i]! * w[j]!],
  );
}

/** dx (N,C,H,W) of dy (N,K,OH,OW) and w (K,C,R,R). */
export function convolutionInputGradient(
  geometry: ConvolutionGeometry,
  dy: ArrayLike<number>,
  w: ArrayLike<number>,
): ReferenceSum {
  return accumulate(
    geometry,
    convolutionElements(geometry).x,
    (i, j, o) => [i, dy[o]! * w[j]!],
  );
}

/** dw (K,C,R,R) of x (N,C,H,W) and dy (N,K,OH,OW). */
export function convolutionWeightGradient(
  geometry: ConvolutionGeometry,
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
): ReferenceSum {
  return accumulate(
    geometry,
    convolutionElements(geometry).w,
    (i, j, o) => [j, x[i]! * dy[o]!],
  );
}
