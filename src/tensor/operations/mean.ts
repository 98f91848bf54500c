/** The mean of all elements. */

import { sumGradientKernel, sumKernel } from "../../../shaders/reduction.ts";
import type { Tape } from "../tape.ts";
import { size, type Tensor } from "../tensor.ts";

/** x (any shape) -> the mean of its elements (1). */
export function mean(tape: Tape, x: Tensor): Tensor {
  const count = size(x);
  const y = tape.transient([1], `mean of ${x.label}`);
  tape.run(sumKernel(count, 1 / count), [x], [y]);
  return tape.differentiable([x], y, (dy) => {
    const dx = tape.transient(x.shape, `d ${x.label}`);
    tape.run(sumGradientKernel(count, 1 / count), [dy], [dx]);
    return [dx];
  });
}
