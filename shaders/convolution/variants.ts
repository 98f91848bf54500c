/** Which convolution kernel runs: for each direction, geometry and fusion one of the candidates. */

import { plain } from "./plain.ts";
import { subgroup } from "./subgroup.ts";
import { tiled } from "./tiled.ts";
import {
  candidateName,
  type ConvolutionFacts,
  type ConvolutionGeometry,
  type ConvolutionUse,
  type ForwardFusion,
  type InputGradientFusion,
  type WeightGradientFusion,
} from "./use.ts";
import type { KernelCapabilities } from "../kernel.ts";
import type {
  ConvolutionKernel,
  ConvolutionVariant,
  ImageKernel,
  WeightGradient,
} from "./variant.ts";

/**
 * The variants for a device, the preferred first; the last does every geometry. Where a software
 * driver has no subgroups of a size that `subgroup` is for, `tiled` takes 0.6 to 0.9 of the time of
 * `plain` (2026-11, llvmpipe and SwiftShader); through OpenGL compiling it takes minutes.
 */
export function variantsFor(
  { software, openGl }: KernelCapabilities,
): readonly ConvolutionVariant[] {
  if (!software) return [tiled, plain];
  return openGl ? [subgroup, plain] : [subgroup, tiled, plain];
}

/** A kernel that can do a use. */
export interface Candidate {
  readonly kernel: ConvolutionKernel;
  /** Parts of what it writes besides its result, or of a weight gradient itself. */
  readonly parts: number;
}

/** The kernels that can do a use, the one that should be fastest first; their text is written lazily. */
export function* candidates(
  use: ConvolutionUse,
  capabilities: KernelCapabilities,
): Iterable<Candidate> {
  const { direction, geometry, fusion } = use;
  for (const variant of variantsFor(capabilities)) {
    if (direction === "weightGradient") {
      yield* variant.weightGradient(geometry, capabilities, fusion);
      continue;
    }
    const kernels = direction === "forward"
      ? variant.forward(geometry, capabilities, fusion)
      : variant.inputGradient(geometry, capabilities, fusion);
    for (const kernel of kernels) yield { kernel, parts: kernel.parts };
  }
}

/** The candidate that was chosen by name, else the first. */
function choose<T>(
  use: ConvolutionUse,
  capabilities: KernelCapabilities,
  list: (variant: ConvolutionVariant) => Iterable<T>,
  convolution: (candidate: T) => ConvolutionFacts,
): T | undefined {
  const wanted = capabilities.choices?.find(use);
  let first: T | undefined;
  for (const variant of variantsFor(capabilities)) {
    for (const candidate of list(variant)) {
      if (wanted === undefined || candidateName(convolution(candidate)) === wanted) {
        return candidate;
      }
      first ??= candidate;
    }
  }
  return first;
}

/**
 * The kernel for x, w -> y; `undefined` where no variant can do the fusion. Every geometry has a
 * kernel without `statistics`.
 */
export function chooseForward(
  geometry: ConvolutionGeometry,
  capabilities: KernelCapabilities,
  fusion: ForwardFusion = {},
): ImageKernel | undefined {
  return choose(
    { direction: "forward", geometry, fusion },
    capabilities,
    ({ forward }) => forward(geometry, capabilities, fusion),
    ({ convolution }) => convolution,
  );
}

/**
 * The kernel for dy, w -> dx; `undefined` where no variant can do the fusion. Every geometry has a
 * kernel without `normalised`.
 */
export function chooseInputGradient(
  geometry: ConvolutionGeometry,
  capabilities: KernelCapabilities,
  fusion: InputGradientFusion = {},
): ImageKernel | undefined {
  return choose(
    { direction: "inputGradient", geometry, fusion },
    capabilities,
    ({ inputGradient }) => inputGradient(geometry, capabilities, fusion),
    ({ convolution }) => convolution,
  );
}

/** The kernel for x, dy -> partial sums of dw; every geometry has one. */
export function chooseWeightGradient(
  geometry: ConvolutionGeometry,
  capabilities: KernelCapabilities,
  fusion: WeightGradientFusion = {},
): WeightGradient {
  return choose(
    { direction: "weightGradient", geometry, fusion },
    capabilities,
    ({ weightGradient }) => weightGradient(geometry, capabilities, fusion),
    ({ kernel }) => kernel.convolution,
  )!;
}
