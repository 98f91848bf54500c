/** The fully connected layer. */

import {
  linearInputGradientKernel,
  linearKernel,
  linearParameterGradientsKernel,
} from "../../../shaders/linear.ts";
import type { Tape } from "../tape.ts";
import { expectShape, type Tensor } from "../tensor.ts";

/** x (N,C), w (K,C), b (K) -> x wᵀ + b (N,K). */
export function linear(tape: Tape, x: Tensor, w: Tensor, b: Tensor): Tensor {
  const [batch = 0, inputs = 0] = x.shape;
  const [outputs = 0] = w.shape;
  expectShape(x, [batch, inputs], `apply ${w.label}`);
  expectShape(w, [outputs, inputs], `apply ${w.label} to ${x.label}`);
  expectShape(b, [outputs], `apply ${w.label}`);
  const geometry = { batch, inputs, outputs };
  const y = tape.transient([batch, outputs], `${w.label} output`);
  tape.run(linearKernel(geometry), [x, w, b], [y]);
  return tape.differentiable([x, w, b], y, (dy, backward) => {
    let dx: Tensor | undefined;
    if (backward.wanted(0)) {
      dx = tape.transient(x.shape, `d input of ${w.label}`);
      tape.run(linearInputGradientKernel(geometry), [dy, w], [dx]);
    }
    if (!backward.wanted(1) && !backward.wanted(2)) return [dx, undefined, undefined];
    const dw = tape.transient(w.shape, `d ${w.label}`);
    const db = tape.transient(b.shape, `d ${b.label}`);
    tape.run(linearParameterGradientsKernel(geometry), [x, dy], [dw, db]);
    return [dx, backward.wanted(1) ? dw : undefined, backward.wanted(2) ? db : undefined];
  });
}
