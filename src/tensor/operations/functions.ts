/** Element-wise functions of one and of two tensors. */

import {
  elementFunctionGradientKernel,
  elementFunctionKernel,
  type ElementFunctionText,
} from "../../../shaders/element_functions.ts";
import {
  binaryGradientKernel,
  binaryKernel,
  type BinaryName,
  passesGradient,
} from "../../../shaders/binary_functions.ts";
import type { Tape } from "../tape.ts";
import { size, type Tensor } from "../tensor.ts";
import { sumTo } from "./reduce.ts";

/** f of every element of x. */
export function elementFunction(tape: Tape, x: Tensor, f: ElementFunctionText): Tensor {
  const y = tape.transient(x.shape, `${f.name} of ${x.label}`);
  tape.run(elementFunctionKernel(f, size(x)), [x], [y]);
  return tape.differentiable([x], y, (dy) => {
    const dx = tape.transient(x.shape, `d ${x.label}`);
    tape.run(elementFunctionGradientKernel(f, size(x)), [x, dy], [dx]);
    return [dx];
  });
}

/** The shape that both are broadcast to; throws `RangeError` where they cannot be. */
function broadcastShape(a: Tensor, b: Tensor): number[] {
  const rank = Math.max(a.shape.length, b.shape.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a.shape[i - rank + a.shape.length] ?? 1;
    const right = b.shape[i - rank + b.shape.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new RangeError(
        `cannot combine ${a.label} [${a.shape.join(", ")}] with ${b.label} [${b.shape.join(", ")}]`,
      );
    }
    return left === 1 ? right : left;
  });
}

/** f(a, b), element by element, each broadcast as NumPy does. */
export function binary(tape: Tape, name: BinaryName, a: Tensor, b: Tensor): Tensor {
  const shape = broadcastShape(a, b);
  const shapes = { a: a.shape, b: b.shape, y: shape };
  const y = tape.transient(shape, `${name} of ${a.label} and ${b.label}`);
  tape.run(binaryKernel(name, shapes), [a, b], [y]);
  return tape.differentiable(
    [a, b],
    y,
    (dy, backward) =>
      ([["a", a], ["b", b]] as const).map(([side, input], i) => {
        if (!backward.wanted(i)) return undefined;
        if (passesGradient(name, side)) return sumTo(tape, dy, input.shape);
        const d = tape.transient(shape, `d ${input.label}`);
        tape.run(binaryGradientKernel(name, side, shapes), [a, b, dy], [d]);
        return sumTo(tape, d, input.shape);
      }),
  );
}
