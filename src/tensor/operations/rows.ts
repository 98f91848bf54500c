/** Operations along rows: normalisation, softmax; and dropout. */

import { dropoutGradientKernel, dropoutKernel } from "../../../shaders/dropout.ts";
import {
  normalizeRowsGradientKernel,
  normalizeRowsKernel,
  softmaxRowsGradientKernel,
  softmaxRowsKernel,
} from "../../../shaders/rows.ts";
import type { Tape } from "../tape.ts";
import { size, type Tensor } from "../tensor.ts";
import { transpose } from "./move.ts";

/**
 * x, all dimensions from `axis` on brought to mean 0 and variance 1: layer norm (Ba et al. 2016)
 * without its scale and shift; over the planes of an image, instance norm.
 */
export function normalizeRows(tape: Tape, x: Tensor, axis: number, epsilon: number): Tensor {
  const rows = x.shape.slice(0, axis).reduce((product, extent) => product * extent, 1);
  const shape = { rows, length: size(x) / rows };
  const y = tape.transient(x.shape, `normalised ${x.label}`);
  const inverse = tape.transient([rows], `inverse deviations of ${x.label}`);
  tape.run(normalizeRowsKernel(shape, epsilon), [x], [y, inverse]);
  return tape.differentiable([x], y, (dy) => {
    const dx = tape.transient(x.shape, `d ${x.label}`);
    tape.run(normalizeRowsGradientKernel(shape), [y, inverse, dy], [dx]);
    return [dx];
  });
}

/** Softmax of x along `axis`, or its logarithm. */
export function softmax(tape: Tape, x: Tensor, axis: number, log: boolean): Tensor {
  const last = x.shape.length - 1;
  if (axis !== last) {
    const order = x.shape.map((_, i) => i === axis ? last : i === last ? axis : i);
    return transpose(tape, softmax(tape, transpose(tape, x, order), last, log), order);
  }
  const length = x.shape[last]!;
  const shape = { rows: size(x) / length, length };
  const y = tape.transient(x.shape, `softmax of ${x.label}`);
  tape.run(softmaxRowsKernel(shape, log), [x], [y]);
  return tape.differentiable([x], y, (dy) => {
    const dx = tape.transient(x.shape, `d ${x.label}`);
    tape.run(softmaxRowsGradientKernel(shape, log), [y, dy], [dx]);
    return [dx];
  });
}

/** x with each element dropped with probability `ratio`, the others scaled to the same mean. */
export function dropout(tape: Tape, x: Tensor, ratio: number, seed: number): Tensor {
  if (!(ratio >= 0 && ratio < 1)) {
    throw new RangeError(`cannot drop ${ratio} of ${x.label}: expected 0 to less than 1`);
  }
  const y = tape.transient(x.shape, `dropout of ${x.label}`);
  tape.run(dropoutKernel(size(x), ratio, seed), [x], [y]);
  return tape.differentiable([x], y, (dy) => {
    const dx = tape.transient(x.shape, `d ${x.label}`);
    tape.run(dropoutGradientKernel(size(x), ratio, seed), [x, dy], [dx]);
    return [dx];
  });
}
