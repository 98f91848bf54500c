/** Which convolution kernel runs: one choice for each direction and geometry. */

import type { Kernel } from "../kernel.ts";
import { plain } from "./plain.ts";
import { subgroup } from "./subgroup.ts";
import type {
  ConvolutionGeometry,
  ConvolutionVariant,
  KernelCapabilities,
  WeightGradient,
} from "./variant.ts";

/** All variants, the preferred first; the last does everything. */
export const VARIANTS: readonly ConvolutionVariant[] = [subgroup, plain];

function first<T>(results: Iterable<T | undefined>): T {
  for (const result of results) if (result) return result;
  throw new RangeError("no convolution kernel fits this geometry");
}

/** The kernel for x, w -> y. */
export function chooseForward(g: ConvolutionGeometry, capabilities: KernelCapabilities): Kernel {
  return first(VARIANTS.map((variant) => variant.forward(g, capabilities)));
}

/** The kernel for dy, w -> dx. */
export function chooseInputGradient(
  g: ConvolutionGeometry,
  capabilities: KernelCapabilities,
): Kernel {
  return first(VARIANTS.map((variant) => variant.inputGradient(g, capabilities)));
}

/** The kernel for x, dy -> partial sums of dw. */
export function chooseWeightGradient(
  g: ConvolutionGeometry,
  capabilities: KernelCapabilities,
): WeightGradient {
  return first(VARIANTS.map((variant) => variant.weightGradient(g, capabilities)));
}
