/** 2-D convolution without bias, fused with the batch norm before it and the one behind it. */

import {
  type ConvolutionBinding,
  convolutionBindings,
  type ConvolutionGeometry,
  outputExtent,
} from "../../../shaders/convolution/use.ts";
import type { ConvolutionKernel } from "../../../shaders/convolution/variant.ts";
import {
  chooseForward,
  chooseInputGradient,
  chooseWeightGradient,
} from "../../../shaders/convolution/variants.ts";
import { sumPartsKernel } from "../../../shaders/reduction.ts";
import type { Tape } from "../tape.ts";
import { expectShape, nchw, size, type Tensor } from "../tensor.ts";
import { type Activation, attachMaskedSums, attachStatistics } from "./batch_norm.ts";

/** Settings of a convolution. */
export interface ConvolutionOptions {
  /** Default 1. */
  readonly stride?: number;
  /** Zeros on each side; by default half the kernel, which keeps the size at stride 1. */
  readonly padding?: number;
  /** Added to the result (a residual connection); shaped like it. */
  readonly residual?: Tensor;
  /** Also takes the statistics of the result that a batch norm in training mode will want. */
  readonly statistics?: boolean;
}

/**
 * x (N,C,H,W), w (K,C,R,R) -> y (N,K,OH,OW), OH = floor((H + 2 padding - R) / stride) + 1.
 *
 * @param input x, or an activation that is normalised as the kernels read it.
 * @throws {RangeError} where shapes do not fit or R is even.
 */
export function convolution(
  tape: Tape,
  input: Tensor | Activation,
  w: Tensor,
  options: ConvolutionOptions = {},
): Tensor {
  const activation = "coefficients" in input ? input : undefined;
  const value = activation?.value ?? input as Tensor;
  const { n, c, h, w: width } = nchw(value);
  const { n: k, h: r } = nchw(w);
  expectShape(w, [k, c, r, r], `convolve ${value.label} [${value.shape.join(", ")}]`);
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
  const { residual } = options;
  const y = tape.transient([n, k, extent.height, extent.width], w.label);
  if (residual) expectShape(residual, y.shape, `add a residual to ${w.label}`);
  // What the kernels read: the batch norm's input and its coefficients in place of the activation.
  const x = activation?.source ?? value;
  const coefficients = activation?.coefficients;
  const fusion = { normaliseInput: activation !== undefined, addResidual: residual !== undefined };
  const withStatistics = options.statistics
    ? chooseForward(geometry, capabilities, { ...fusion, statistics: true })
    : undefined;
  if (withStatistics) {
    const { parts, valuesPerPart } = withStatistics;
    const statistics = tape.transient([parts, k, 2], `statistics of ${w.label}`);
    run(tape, withStatistics, { x, w, coefficients, residual, y, statistics });
    attachStatistics(y, { statistics, parts, valuesPerPart });
  } else {
    const kernel = chooseForward(geometry, capabilities, fusion)!;
    run(tape, kernel, { x, w, coefficients, residual, y });
  }

  return tape.differentiable(residual ? [value, w, residual] : [value, w], y, (dy, backward) => {
    let dx: Tensor | undefined;
    if (backward.wanted(0)) {
      const addend = backward.take(0);
      const addAddend = addend !== undefined;
      dx = tape.transient(value.shape, `d input of ${w.label}`);
      const masked = activation && backward.completes(0)
        ? chooseInputGradient(geometry, capabilities, { addAddend, normalised: true })
        : undefined;
      if (masked) {
        const sums = tape.transient([masked.parts, c, 2], `sums of ${dx.label}`);
        run(tape, masked, { dy, w, addend, x, coefficients, dx, sums });
        attachMaskedSums(dx, { sums, parts: masked.parts });
      } else {
        const kernel = chooseInputGradient(geometry, capabilities, { addAddend })!;
        run(tape, kernel, { dy, w, addend, dx });
      }
    }
    let dw: Tensor | undefined;
    if (backward.wanted(1)) {
      const { normaliseInput } = fusion;
      const { kernel, parts } = chooseWeightGradient(geometry, capabilities, { normaliseInput });
      dw = tape.transient(w.shape, `d ${w.label}`);
      const partial = parts === 1
        ? dw
        : tape.transient([parts, ...w.shape], `parts of ${dw.label}`);
      run(tape, kernel, { x, dy, coefficients, dw: partial });
      if (parts > 1) tape.run(sumPartsKernel(parts, size(w)), [partial], [dw]);
    }
    return [dx, dw, residual && backward.wanted(2) ? dy : undefined];
  });
}

/** Records a kernel on the tensors of its bindings, found by name. */
function run(
  tape: Tape,
  kernel: ConvolutionKernel,
  tensors: Partial<Record<ConvolutionBinding, Tensor | undefined>>,
): void {
  const { reads, writes } = convolutionBindings(kernel.convolution);
  tape.run(kernel, reads.map((name) => tensors[name]!), writes.map((name) => tensors[name]!));
}
