/** Sums, means and extremes over dimensions. */

import { broadcastPlaces, scaledPlacesKernel } from "../../../shaders/affine.ts";
import { extremeGradientKernel, reduceKernel, type Reduction } from "../../../shaders/reduce.ts";
import type { Tape } from "../tape.ts";
import { size, type Tensor } from "../tensor.ts";

/** x summed over what was broadcast, down to `shape`; recorded without a gradient of its own. */
export function sumTo(tape: Tape, x: Tensor, shape: readonly number[]): Tensor {
  const missing = x.shape.length - shape.length;
  const axes = [...x.shape.keys()].filter((i) =>
    i < missing || (shape[i - missing] === 1 && x.shape[i] !== 1)
  );
  if (axes.length === 0) return x.shape.length === shape.length ? x : tape.view(x, shape);
  const y = tape.transient(shape, `sum of ${x.label}`);
  tape.run(reduceKernel("sum", x.shape, axes), [x], [y]);
  return y;
}

/** The reduction of x over `axes`, which stay with extent 1 where `keep` says so. */
export function reduce(
  tape: Tape,
  x: Tensor,
  reduction: Reduction,
  axes: readonly number[],
  keep: boolean,
): Tensor {
  const kept = x.shape.map((extent, i) => axes.includes(i) ? 1 : extent);
  const shape = keep ? kept : x.shape.filter((_, i) => !axes.includes(i));
  const y = tape.transient(shape, `${reduction} of ${x.label}`);
  tape.run(reduceKernel(reduction, x.shape, axes), [x], [y]);
  return tape.differentiable([x], y, (dy) => {
    const dx = tape.transient(x.shape, `d ${x.label}`);
    if (reduction === "max" || reduction === "min") {
      tape.run(extremeGradientKernel(x.shape, axes), [x, y, dy], [dx]);
      return [dx];
    }
    const places = broadcastPlaces(kept, x.shape);
    const factor = reduction === "mean" ? size(y) / size(x) : 1;
    tape.run(scaledPlacesKernel(places, size(y), factor), [dy], [dx]);
    return [dx];
  });
}
