/** 2-D convolution of any geometry, with or without bias. */

import {
  generalForwardKernel,
  type GeneralGeometry,
  generalInputGradientKernel,
  generalWeightGradientKernel,
} from "../../../shaders/convolution/general.ts";
import { sumPartsKernel } from "../../../shaders/reduction.ts";
import type { Tape } from "../tape.ts";
import { expectShape, nchw, size, type Tensor } from "../tensor.ts";
import { sumTo } from "./reduce.ts";

/** Settings of a convolution, H before W. */
export interface GeneralConvolutionOptions {
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Zeros: top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
  readonly groups: number;
}

/**
 * x (N,C,H,W), w (K,C/groups,R,S), b (K) -> y (N,K,OH,OW), OH = floor((H + top + bottom - dilation
 * (R - 1) - 1) / stride) + 1.
 *
 * @throws {RangeError} where shapes do not fit.
 */
export function generalConvolution(
  tape: Tape,
  x: Tensor,
  w: Tensor,
  b: Tensor | undefined,
  options: GeneralConvolutionOptions,
): Tensor {
  const { n, c, h, w: width } = nchw(x);
  const { n: k, h: rows, w: columns } = nchw(w);
  const { strides, dilations, pads, groups } = options;
  expectShape(w, [k, c / groups, rows, columns], `convolve ${x.label} [${x.shape.join(", ")}]`);
  if (b) expectShape(b, [k], `add a bias to ${w.label}`);
  if (k % groups !== 0) throw new RangeError(`${w.label}: ${k} outputs in ${groups} groups`);
  const positions = (extent: number, window: number, axis: 0 | 1) =>
    Math.floor(
      (extent + pads[axis] + pads[axis + 2]! - dilations[axis] * (window - 1) - 1) / strides[axis],
    ) + 1;
  const geometry: GeneralGeometry = {
    batch: n,
    inChannels: c,
    height: h,
    width,
    outChannels: k,
    outHeight: positions(h, rows, 0),
    outWidth: positions(width, columns, 1),
    window: [rows, columns],
    strides,
    dilations,
    padding: [pads[0], pads[1]],
    groups,
  };
  const { outHeight, outWidth } = geometry;
  if (outHeight < 1 || outWidth < 1) {
    throw new RangeError(`${w.label}: a ${h}x${width} image is too small for its window`);
  }
  const y = tape.transient([n, k, outHeight, outWidth], w.label);
  tape.run(generalForwardKernel(geometry, b !== undefined), b ? [x, w, b] : [x, w], [y]);
  return tape.differentiable(b ? [x, w, b] : [x, w], y, (dy, backward) => {
    let dx: Tensor | undefined;
    if (backward.wanted(0)) {
      dx = tape.transient(x.shape, `d input of ${w.label}`);
      tape.run(generalInputGradientKernel(geometry), [dy, w], [dx]);
    }
    let dw: Tensor | undefined;
    if (backward.wanted(1)) {
      const { kernel, parts } = generalWeightGradientKernel(geometry);
      dw = tape.transient(w.shape, `d ${w.label}`);
      const partial = parts === 1
        ? dw
        : tape.transient([parts, ...w.shape], `parts of ${dw.label}`);
      tape.run(kernel, [x, dy], [partial]);
      if (parts > 1) tape.run(sumPartsKernel(parts, size(w)), [partial], [dw]);
    }
    return [dx, dw, b && backward.wanted(2) ? channelSums(tape, dy) : undefined];
  });
}

/** dy (N,K,H,W) -> its sums over all but K. */
function channelSums(tape: Tape, dy: Tensor): Tensor {
  const [, k = 0] = dy.shape;
  return tape.view(sumTo(tape, dy, [1, k, 1, 1]), [k]);
}
