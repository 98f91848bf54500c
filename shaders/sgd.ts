/**
 * Stochastic gradient descent with momentum, as `torch.optim.SGD` does it: Sutskever et al. (2013)
 * with PyTorch's placing of the learning rate.
 */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";
import { STATE_WORDS } from "./state.ts";

/** Fixed settings of the optimiser; the learning rate is read from a table. */
export interface SgdSettings {
  /** Share of the earlier update that is kept, 0 to 1. */
  readonly momentum: number;
  /** Looks ahead along the momentum. */
  readonly nesterov: boolean;
  /** λ of the penalty λ/2 ‖p‖² on every parameter. */
  readonly weightDecay: number;
}

/**
 * gradients, learning rates (one a step), state -> parameters and momentum, both
 * updated in place: g += λ p; v = μ v + g; p -= lr (g + μ v) with Nesterov, else p -= lr v.
 */
export function sgdKernel(elements: number, steps: number, settings: SgdSettings): Kernel {
  const { momentum, nesterov, weightDecay } = settings;
  return elementwise(
    `sgd ${elements}`,
    elements,
    declareBindings([
      { name: "gradients", elements },
      { name: "learningRates", elements: steps },
      { name: "state", elements: STATE_WORDS, type: "u32" },
    ], [{ name: "parameters", elements }, { name: "velocity", elements }]),
    `let p = parameters[i];
    let g = gradients[i] + f32(${weightDecay}) * p;
    let v = f32(${momentum}) * velocity[i] + g;
    velocity[i] = v;
    parameters[i] = p - learningRates[state[0]] * ${
      nesterov ? `(g + f32(${momentum}) * v)` : "v"
    };`,
  );
}
