/** Addition and ReLU. */

import { addKernel, reluBackwardKernel, reluKernel } from "../../../shaders/elementwise.ts";
import type { Tape } from "../tape.ts";
import { expectShape, size, type Tensor } from "../tensor.ts";

/** a + b, of one shape. */
export function add(tape: Tape, a: Tensor, b: Tensor): Tensor {
  expectShape(b, a.shape, `add ${b.label} to ${a.label}`);
  const y = tape.transient(a.shape, `${a.label} + ${b.label}`);
  tape.run(addKernel(size(a)), [a, b], [y]);
  return tape.differentiable([a, b], y, (dy, backward) => [
    backward.wanted(0) ? dy : undefined,
    backward.wanted(1) ? dy : undefined,
  ]);
}

/** max(x, 0); its gradient at 0 is 0, as in PyTorch. */
export function relu(tape: Tape, x: Tensor): Tensor {
  const y = tape.transient(x.shape, `relu of ${x.label}`);
  tape.run(reluKernel(size(x)), [x], [y]);
  return tape.differentiable([x], y, (dy) => {
    const dx = tape.transient(x.shape, `d ${x.label}`);
    tape.run(reluBackwardKernel(size(x)), [dy, y], [dx]);
    return [dx];
  });
}
