/**
 * Stochastic gradient descent with momentum, as `torch.optim.SGD` does it: Sutskever et al. (2013)
 * with PyTorch's placing of the learning rate.
 */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";
import { FINITE, NOT_FINITE, STATE_WORDS } from "./state.ts";

/** Fixed settings of the optimiser; the learning rate is read from a table. */
export interface SgdSettings {
  /** Share of the earlier update that is kept, 0 to 1. */
  readonly momentum: number;
  /** Looks ahead along the momentum. */
  readonly nesterov: boolean;
  /** λ of the penalty λ/2 ‖p‖² on every parameter. */
  readonly weightDecay: number;
}

/** Extents of what the optimiser reads and updates. */
export interface SgdGeometry {
  /** Parameters. */
  readonly elements: number;
  /** Running statistics of the same network, at most as many as parameters; 0 binds none. */
  readonly statistics: number;
  /** Steps of an epoch. */
  readonly steps: number;
}

/**
 * gradients, learning rates (one a step), running statistics -> parameters and momentum, both
 * updated in place: g += λ p; v = μ v + g; p -= lr (g + μ v) with Nesterov, else p -= lr v. Where a
 * parameter or a statistic is NaN or infinite afterwards, the state says so.
 */
export function sgdKernel(
  { elements, statistics, steps }: SgdGeometry,
  settings: SgdSettings,
): Kernel {
  const { momentum, nesterov, weightDecay } = settings;
  return elementwise(
    `sgd ${elements}`,
    elements,
    declareBindings([
      { name: "gradients", elements },
      { name: "learningRates", elements: steps },
      ...statistics > 0 ? [{ name: "statistics", elements: statistics }] : [],
    ], [
      { name: "parameters", elements },
      { name: "velocity", elements },
      { name: "state", elements: STATE_WORDS, type: "atomic<u32>" },
    ]) + FINITE,
    `let p = parameters[i];
    let g = gradients[i] + f32(${weightDecay}) * p;
    let v = f32(${momentum}) * velocity[i] + g;
    velocity[i] = v;
    let next = p - learningRates[atomicLoad(&state[0])] * ${
      nesterov ? `(g + f32(${momentum}) * v)` : "v"
    };
    parameters[i] = next;
    var sound = finite(next) && finite(v);
    ${statistics > 0 ? `if (i < ${statistics}u) { sound = sound && finite(statistics[i]); }` : ""}
    if (!sound) { atomicOr(&state[3], ${NOT_FINITE.state}u); }`,
  );
}
