/** 2-D convolution without bias. */

import {
  chooseForward,
  chooseInputGradient,
  chooseWeightGradient,
} from "../../../shaders/convolution/variants.ts";
import { type ConvolutionGeometry, outputExtent } from "../../../shaders/convolution/variant.ts";
import { addKernel } from "../../../shaders/elementwise.ts";
import { sumPartsKernel } from "../../../shaders/reduction.ts";
import type { Tape } from "../tape.ts";
import { expectShape, nchw, size, type Tensor } from "../tensor.ts";

/** Settings of a convolution. */
export interface ConvolutionOptions {
  /** Default 1. */
  readonly stride?: number;
  /** Zeros on each side; by default half the kernel, which keeps the size at stride 1. */
  readonly padding?: number;
  /** Added to the result (a residual connection); shaped like it. */
  readonly residual?: Tensor;
}

/**
 * x (N,C,H,W), w (K,C,R,R) -> y (N,K,OH,OW), OH = floor((H + 2 padding - R) / stride) + 1.
 *
 * @throws {RangeError} where shapes do not fit or R is even.
 */
export function convolution(
  tape: Tape,
  x: Tensor,
  w: Tensor,
  options: ConvolutionOptions = {},
): Tensor {
  const { n, c, h, w: width } = nchw(x);
  const { n: k, h: r } = nchw(w);
  expectShape(w, [k, c, r, r], `convolve ${x.label} [${x.shape.join(", ")}]`);
  if (r % 2 === 0) throw new RangeError(`${w.label}: expected an odd kernel size, found ${r}`);
  const geometry: ConvolutionGeometry = {
    batch: n,
    inChannels: c,
    height: h,
    width,
    outChannels: k,
    kernelSize: r,
    stride: options.stride ?? 1,
    padding: options.padding ?? (r - 1) / 2,
  };
  const extent = outputExtent(geometry);
  if (extent.height < 1 || extent.width < 1) {
    throw new RangeError(`${w.label}: a ${h}x${width} image is too small for a ${r}x${r} kernel`);
  }
  const { capabilities } = tape;
  const shape = [n, k, extent.height, extent.width];
  let y = tape.transient(shape, w.label);
  tape.run(chooseForward(geometry, capabilities), [x, w], [y]);
  const { residual } = options;
  if (residual) {
    expectShape(residual, shape, `add a residual to ${w.label}`);
    const sum = tape.transient(shape, w.label);
    tape.run(addKernel(size(y)), [y, residual], [sum]);
    y = sum;
  }
  return tape.differentiable(residual ? [x, w, residual] : [x, w], y, (dy, backward) => {
    let dx: Tensor | undefined;
    if (backward.wanted(0)) {
      dx = tape.transient(x.shape, `d input of ${w.label}`);
      tape.run(chooseInputGradient(geometry, capabilities), [dy, w], [dx]);
    }
    let dw: Tensor | undefined;
    if (backward.wanted(1)) {
      const { kernel, parts } = chooseWeightGradient(geometry, capabilities);
      dw = tape.transient(w.shape, `d ${w.label}`);
      if (parts === 1) {
        tape.run(kernel, [x, dy], [dw]);
      } else {
        const partial = tape.transient([parts, ...w.shape], `parts of d ${w.label}`);
        tape.run(kernel, [x, dy], [partial]);
        tape.run(sumPartsKernel(parts, size(w)), [partial], [dw]);
      }
    }
    return [dx, dw, residual && backward.wanted(2) ? dy : undefined];
  });
}
