/** Which convolution kernel runs: one choice for each direction and geometry, without timing. */

import { plain } from "./plain.ts";
import { subgroup } from "./subgroup.ts";
import { tiled } from "./tiled.ts";
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

/**
 * The variants for a device, the preferred first; the last does every geometry. A software driver
 * gains nothing from workgroup memory and loses by barriers; fixed subgroups of 8 are a mark of
 * llvmpipe.
 */
export function variantsFor(capabilities: KernelCapabilities): readonly ConvolutionVariant[] {
  if (capabilities.subgroupSize === 8) return [subgroup, plain];
  return capabilities.software ? [plain] : [tiled, plain];
}

function first<T>(lists: Iterable<Iterable<T>>): T | undefined {
  for (const list of lists) for (const item of list) return item;
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
  return first(variantsFor(capabilities).map(({ forward }) => forward(g, capabilities, fusion)));
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
  return first(
    variantsFor(capabilities).map(({ inputGradient }) => inputGradient(g, capabilities, fusion)),
  );
}

/** The kernel for x, dy -> partial sums of dw; every geometry has one. */
export function chooseWeightGradient(
  g: ConvolutionGeometry,
  capabilities: KernelCapabilities,
  fusion: WeightGradientFusion = {},
): WeightGradient {
  return first(
    variantsFor(capabilities).map(({ weightGradient }) => weightGradient(g, capabilities, fusion)),
  )!;
}
