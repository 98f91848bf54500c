/** Single elements of parameters that training leaves as they are: pruned weights stay 0. */

import { maskKernel } from "../../shaders/elementwise.ts";
import { flatLayout, type Model } from "../nn/model.ts";
import type { Tape } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Elements of parameters, by the parameter's name. */
export type FixedElements = ReadonlyMap<string, readonly number[]>;

/**
 * Records that the gradients of `fixed` elements are 0. An element that is 0 itself then stays so:
 * momentum and weight decay move nothing.
 *
 * @param gradients Of all parameters, laid out as they are.
 */
export function recordFixedElements(
  tape: Tape,
  { architecture }: Model,
  gradients: Tensor,
  fixed: FixedElements,
): void {
  const { elements, offsets } = flatLayout(architecture, "parameter");
  const mask = new Float32Array(elements).fill(1);
  for (const [name, places] of fixed) {
    const first = offsets.get(name)!;
    for (const place of places) mask[first + place] = 0;
  }
  const factors = tape.constant([elements], mask, "trained elements");
  tape.run(maskKernel(elements), [factors], [gradients]);
}
