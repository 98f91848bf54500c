/** Which convolution kernel runs: for each direction, geometry and fusion one of the candidates. */

import { plain } from "./plain.ts";
import { subgroup } from "./subgroup.ts";
import { tiled } from "./tiled.ts";
import type {
  ConvolutionGeometry,
  ConvolutionUse,
  ConvolutionVariant,
  ForwardFusion,
  ImageKernel,
  InputGradientFusion,
  KernelCapabilities,
  WeightGradient,
  WeightGradientFusion,
} from "./variant.ts";

/**
 * The variants for a device, the preferred first; the last does every geometry. A software driver
 * gains nothing from workgroup memory and loses by barriers.
 */
export function variantsFor(capabilities: KernelCapabilities): readonly ConvolutionVariant[] {
  return capabilities.software ? [subgroup, plain] : [tiled, plain];
}

/** All candidates of the variants one after the other, the one that should be fastest first. */
function* candidates<T>(
  capabilities: KernelCapabilities,
  list: (variant: ConvolutionVariant) => Iterable<T>,
): Iterable<T> {
  for (const variant of variantsFor(capabilities)) yield* list(variant);
}

/** The candidate that was chosen by timing, else the first. */
function choose<T>(
  use: ConvolutionUse,
  capabilities: KernelCapabilities,
  list: Iterable<T>,
): T | undefined {
  const wanted = capabilities.choices?.find(use) ?? 0;
  let first: T | undefined;
  let i = 0;
  for (const candidate of list) {
    first ??= candidate;
    if (i++ === wanted) return candidate;
  }
  return first;
}

/** The kernels that can do x, w -> y. */
export function forwardCandidates(
  g: ConvolutionGeometry,
  capabilities: KernelCapabilities,
  fusion: ForwardFusion = {},
): Iterable<ImageKernel> {
  return candidates(capabilities, ({ forward }) => forward(g, capabilities, fusion));
}

/** The kernels that can do dy, w -> dx. */
export function inputGradientCandidates(
  g: ConvolutionGeometry,
  capabilities: KernelCapabilities,
  fusion: InputGradientFusion = {},
): Iterable<ImageKernel> {
  return candidates(capabilities, ({ inputGradient }) => inputGradient(g, capabilities, fusion));
}

/** The kernels that can do x, dy -> partial sums of dw. */
export function weightGradientCandidates(
  g: ConvolutionGeometry,
  capabilities: KernelCapabilities,
  fusion: WeightGradientFusion = {},
): Iterable<WeightGradient> {
  return candidates(capabilities, ({ weightGradient }) => weightGradient(g, capabilities, fusion));
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
  const use = { direction: "forward", geometry: g, fusion } as const;
  return choose(use, capabilities, forwardCandidates(g, capabilities, fusion));
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
  const use = { direction: "inputGradient", geometry: g, fusion } as const;
  return choose(use, capabilities, inputGradientCandidates(g, capabilities, fusion));
}

/** The kernel for x, dy -> partial sums of dw; every geometry has one. */
export function chooseWeightGradient(
  g: ConvolutionGeometry,
  capabilities: KernelCapabilities,
  fusion: WeightGradientFusion = {},
): WeightGradient {
  const use = { direction: "weightGradient", geometry: g, fusion } as const;
  return choose(use, capabilities, weightGradientCandidates(g, capabilities, fusion))!;
}
