/** Which convolution kernel runs: one choice for each direction and geometry. */

import { plain } from "./plain.ts";
import { subgroup } from "./subgroup.ts";
import type {
  ConvolutionGeometry,
  ConvolutionVariant,
  ForwardFusion,
  ImageKernel,
  InputGradientFusion,
  KernelCapabilities,
  WeightGradient,
  WeightGradientFusion,
} from "./variant.ts";

/** All variants, the preferred first; the last does everything. */
export const VARIANTS: readonly ConvolutionVariant[] = [subgroup, plain];

function first<T>(results: Iterable<T | undefined>): T | undefined {
  for (const result of results) if (result) return result;
  return undefined;
}

/**
 * The kernel for x, w -> y; `undefined` where no variant can do the fusion. Every geometry has a
 * kernel without `statistics`.
 */
export function chooseForward(
  g: ConvolutionGeometry,
  capabilities: KernelCapabilities,
  fusion: ForwardFusion = {},
): ImageKernel | undefined {
  return first(VARIANTS.map((variant) => variant.forward(g, capabilities, fusion)));
}

/**
 * The kernel for dy, w -> dx; `undefined` where no variant can do the fusion. Every geometry has a
 * kernel without `normalised`.
 */
export function chooseInputGradient(
  g: ConvolutionGeometry,
  capabilities: KernelCapabilities,
  fusion: InputGradientFusion = {},
): ImageKernel | undefined {
  return first(VARIANTS.map((variant) => variant.inputGradient(g, capabilities, fusion)));
}

/** The kernel for x, dy -> partial sums of dw; every geometry has one. */
export function chooseWeightGradient(
  g: ConvolutionGeometry,
  capabilities: KernelCapabilities,
  fusion: WeightGradientFusion = {},
): WeightGradient {
  return first(VARIANTS.map((variant) => variant.weightGradient(g, capabilities, fusion)))!;
}
