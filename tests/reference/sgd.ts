/** Stochastic gradient descent in float64, as the documentation of `torch.optim.SGD` has it. */

import type { SgdSettings } from "../../shaders/sgd.ts";

/** Parameters and velocity after one step. */
export function sgdStep(
  parameters: ArrayLike<number>,
  velocity: ArrayLike<number>,
  gradients: ArrayLike<number>,
  learningRate: number,
  { momentum, nesterov, weightDecay }: SgdSettings,
): { parameters: Float64Array; velocity: Float64Array } {
  const decayed = Float64Array.from(parameters, (p, i) => gradients[i]! + weightDecay * p);
  const moved = Float64Array.from(velocity, (v, i) => momentum * v + decayed[i]!);
  const direction = nesterov ? decayed.map((g, i) => g + momentum * moved[i]!) : moved;
  return {
    parameters: Float64Array.from(parameters, (p, i) => p - learningRate * direction[i]!),
    velocity: moved,
  };
}
