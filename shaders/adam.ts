/** Kingma & Ba, "Adam: A Method for Stochastic Optimization" (ICLR 2015), algorithm 1. */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";
import { STATE_WORDS } from "./state.ts";

/** Fixed settings of the optimiser. */
export interface AdamSettings {
  readonly learningRate: number;
  /** β1: share of the earlier mean gradient that is kept, 0 to 1. */
  readonly beta1: number;
  /** β2: share of the earlier mean square that is kept, 0 to 1. */
  readonly beta2: number;
}

/** ε of the paper. */
export const ADAM_EPSILON = 1e-8;

/**
 * gradients, state (whose step counts from 0) -> parameters, their mean gradient and its mean
 * square, all updated in place.
 */
export function adamKernel(elements: number, settings: AdamSettings): Kernel {
  const { learningRate, beta1, beta2 } = settings;
  return elementwise(
    `adam ${elements}`,
    elements,
    declareBindings([
      { name: "gradients", elements },
      { name: "state", elements: STATE_WORDS, type: "u32" },
    ], [
      { name: "parameters", elements },
      { name: "first", elements },
      { name: "second", elements },
    ]),
    `let g = gradients[i];
    let t = f32(state[0] + 1u);
    let a = f32(${beta1}) * first[i] + f32(${1 - beta1}) * g;
    let b = f32(${beta2}) * second[i] + f32(${1 - beta2}) * g * g;
    first[i] = a;
    second[i] = b;
    let mean = a / (1.0 - pow(f32(${beta1}), t));
    let square = b / (1.0 - pow(f32(${beta2}), t));
    parameters[i] -= f32(${learningRate}) * mean / (sqrt(square) + f32(${ADAM_EPSILON}));`,
  );
}
