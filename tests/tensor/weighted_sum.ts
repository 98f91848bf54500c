/** Makes a scalar of any tensor, so that its gradient can be taken. */

import { elementwise } from "../../shaders/elementwise.ts";
import { declareBindings } from "../../shaders/kernel.ts";
import { sumKernel } from "../../shaders/reduction.ts";
import type { Tape } from "../../src/tensor/tape.ts";
import { size, type Tensor } from "../../src/tensor/tensor.ts";

/** Σ y weights, (1); the weights are constants. */
export function weightedSum(tape: Tape, y: Tensor, weights: Float32Array<ArrayBuffer>): Tensor {
  const elements = size(y);
  const factors = tape.constant(y.shape, weights, `weights of ${y.label}`);
  const products = tape.transient(y.shape, `weighted ${y.label}`);
  const loss = tape.transient([1], `weighted sum of ${y.label}`);
  const kernel = (second: string, secondElements: number, body: string) =>
    elementwise(
      `product ${elements}`,
      elements,
      declareBindings([{ name: "a", elements }, { name: second, elements: secondElements }], [
        { name: "y", elements },
      ]),
      body,
    );
  tape.run(kernel("b", elements, "y[i] = a[i] * b[i];"), [y, factors], [products]);
  tape.run(sumKernel(elements, 1), [products], [loss]);
  return tape.differentiable([y], loss, (dloss) => {
    const dy = tape.transient(y.shape, `d ${y.label}`);
    tape.run(kernel("d", 1, "y[i] = a[i] * d[0];"), [factors, dloss], [dy]);
    return [dy];
  });
}
