/** Pooling of (N,C,H,W). */

import {
  adaptivePoolGradientKernel,
  adaptivePoolKernel,
  averagePoolGradientKernel,
  averagePoolKernel,
  globalPoolGradientKernel,
  globalPoolKernel,
  maxPoolGradientKernel,
  maxPoolKernel,
  pooledExtent,
} from "../../../shaders/pool.ts";
import type { Tape } from "../tape.ts";
import { nchw, type Tensor } from "../tensor.ts";

/** A window of `window` x `window` pixels, moved by `stride` (by default the window). */
export interface PoolOptions {
  /** Side of the window, pixels. */
  readonly window: number;
  /** Pixels from one window to the next. */
  readonly stride?: number;
}

function windowPool(tape: Tape, kind: "average" | "max", x: Tensor, options: PoolOptions): Tensor {
  const { n, c, h, w } = nchw(x);
  const { window, stride = window } = options;
  if (window < 1 || stride < 1 || window > h || window > w) {
    throw new RangeError(
      `cannot pool ${x.label}: a ${window}x${window} window with stride ${stride} does not fit ` +
        `${h}x${w}`,
    );
  }
  const geometry = { planes: n * c, height: h, width: w, window, stride };
  const out = pooledExtent(geometry);
  const y = tape.transient([n, c, out.height, out.width], `${kind} pool of ${x.label}`);
  tape.run(kind === "max" ? maxPoolKernel(geometry) : averagePoolKernel(geometry), [x], [y]);
  return tape.differentiable([x], y, (dy) => {
    const dx = tape.transient(x.shape, `d ${x.label}`);
    if (kind === "max") tape.run(maxPoolGradientKernel(geometry), [x, dy], [dx]);
    else tape.run(averagePoolGradientKernel(geometry), [dy], [dx]);
    return [dx];
  });
}

/** The mean of each window; x (N,C,H,W) -> (N,C,H',W'), without padding. */
export function averagePool(tape: Tape, x: Tensor, options: PoolOptions): Tensor {
  return windowPool(tape, "average", x, options);
}

/** The largest value of each window; its gradient goes to the first of equals, as in PyTorch. */
export function maxPool(tape: Tape, x: Tensor, options: PoolOptions): Tensor {
  return windowPool(tape, "max", x, options);
}

/** The mean over H and W: (N,C,H,W) -> (N,C). */
export function globalPool(tape: Tape, x: Tensor): Tensor {
  const { n, c, h, w } = nchw(x);
  const y = tape.transient([n, c], `global pool of ${x.label}`);
  tape.run(globalPoolKernel(n * c, h * w), [x], [y]);
  return tape.differentiable([x], y, (dy) => {
    const dx = tape.transient(x.shape, `d ${x.label}`);
    tape.run(globalPoolGradientKernel(n * c, h * w), [dy], [dx]);
    return [dx];
  });
}

/** (N,C,H,W) -> (N,C,height,width) by PyTorch's `adaptive_avg_pool2d`. */
export function adaptiveAveragePool(
  tape: Tape,
  x: Tensor,
  size: { height: number; width: number },
): Tensor {
  const { n, c, h, w } = nchw(x);
  const geometry = {
    planes: n * c,
    height: h,
    width: w,
    outHeight: size.height,
    outWidth: size.width,
  };
  const y = tape.transient([n, c, size.height, size.width], `adaptive pool of ${x.label}`);
  tape.run(adaptivePoolKernel(geometry), [x], [y]);
  return tape.differentiable([x], y, (dy) => {
    const dx = tape.transient(x.shape, `d ${x.label}`);
    tape.run(adaptivePoolGradientKernel(geometry), [dy], [dx]);
    return [dx];
  });
}
