/** Max and average pooling with padding, dilation and windows of any shape. */

import {
  windowMaxGradientKernel,
  windowMaxKernel,
  windowMeanGradientKernel,
  windowMeanKernel,
  type WindowPool,
} from "../../../shaders/window_pool.ts";
import type { Tape } from "../tape.ts";
import { nchw, type Tensor } from "../tensor.ts";

/** Settings of a pooling, H before W. */
export interface WindowPoolOptions
  extends Pick<WindowPool, "window" | "strides" | "dilations" | "pads" | "countPads"> {
  readonly reduction: "max" | "mean";
  /** Extents of the result, which a rounding up may have enlarged. */
  readonly outHeight: number;
  readonly outWidth: number;
}

/** x (N,C,H,W) -> (N,C,outHeight,outWidth) */
export function windowPool(tape: Tape, x: Tensor, options: WindowPoolOptions): Tensor {
  const { n, c, h, w } = nchw(x);
  const { reduction, outHeight, outWidth } = options;
  const pool: WindowPool = { ...options, planes: n * c, height: h, width: w };
  const y = tape.transient([n, c, outHeight, outWidth], `${reduction} pool of ${x.label}`);
  tape.run(reduction === "max" ? windowMaxKernel(pool) : windowMeanKernel(pool), [x], [y]);
  return tape.differentiable([x], y, (dy) => {
    const dx = tape.transient(x.shape, `d ${x.label}`);
    if (reduction === "max") tape.run(windowMaxGradientKernel(pool), [x, dy], [dx]);
    else tape.run(windowMeanGradientKernel(pool), [dy], [dx]);
    return [dx];
  });
}
