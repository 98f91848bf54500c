/**
 * What every convolution kernel family offers. A variant is one way of doing the three directions;
 * all variants compute the same sums, in whatever (fixed) order suits the hardware.
 */

import type { Kernel } from "../kernel.ts";

/** Shapes of a square 2-D convolution without bias: x (N,C,H,W), w (K,C,R,R), y (N,K,OH,OW). */
export interface ConvolutionGeometry {
  /** N */
  readonly batch: number;
  /** C */
  readonly inChannels: number;
  /** H */
  readonly height: number;
  /** W */
  readonly width: number;
  /** K */
  readonly outChannels: number;
  /** R, odd */
  readonly kernelSize: number;
  /** Pixels between neighbouring windows, in both directions. */
  readonly stride: number;
  /** Zeros on each side. */
  readonly padding: number;
}

/** Height and width of the output: floor((extent + 2 padding - R) / stride) + 1. */
export function outputExtent(geometry: ConvolutionGeometry): { height: number; width: number } {
  const { height, width, kernelSize, stride, padding } = geometry;
  return {
    height: Math.floor((height + 2 * padding - kernelSize) / stride) + 1,
    width: Math.floor((width + 2 * padding - kernelSize) / stride) + 1,
  };
}

/**
 * What a forward kernel does besides the convolution. Bindings: x, w, then `coefficients` and
 * `residual` where asked for; y, then `statistics` where asked for.
 */
export interface ForwardFusion {
  /**
   * Reads x as relu(scale[c] x + shift[c]), with `coefficients` (2,C): scale, then shift. Padding is
   * zero after this transformation.
   */
  readonly normaliseInput?: boolean;
  /** Adds `residual` (N,K,OH,OW) to y. */
  readonly addResidual?: boolean;
  /**
   * Also writes `statistics` (parts,K,2): mean and sum of squared deviations from it, of the values
   * of y that each part holds, for Chan's formula to merge.
   */
  readonly statistics?: boolean;
}

/**
 * What an input-gradient kernel does besides the convolution. Bindings: dy, w, then `addend`, and x
 * and `coefficients`, where asked for; dx, then `sums` where asked for.
 */
export interface InputGradientFusion {
  /** Adds `addend` (N,C,H,W) to dx, before what `normalised` does. */
  readonly addAddend?: boolean;
  /**
   * The input of the convolution was relu(scale[c] x + shift[c]), with `coefficients` (3,C): scale,
   * shift, mean. Writes dz = dx [scale x + shift > 0] in place of dx, and `sums` (parts,C,2): the
   * sums of dz and of dz (x - mean[c]) over each part.
   */
  readonly normalised?: boolean;
}

/** What a weight-gradient kernel does besides. Bindings: x, dy, then `coefficients`; dw. */
export interface WeightGradientFusion {
  /** As in {@linkcode ForwardFusion}. */
  readonly normaliseInput?: boolean;
}

/** A kernel that may also write per-channel partial results. */
export interface ImageKernel extends Kernel {
  /** Parts of `statistics` or `sums`; 0 where none was asked for. */
  readonly parts: number;
  /** Values of one channel in each part, the same for all parts. */
  readonly valuesPerPart: number;
}

/** A weight gradient in two kernels: partial sums, then their total in fixed order. */
export interface WeightGradient {
  /** x, dy -> partial sums (parts, K, C, R, R). */
  readonly kernel: Kernel;
  /** How many partial sums there are of each weight; with 1 the kernel writes dw itself. */
  readonly parts: number;
}

/** What the device offers to a kernel. */
export interface KernelCapabilities {
  /** Invocations of a subgroup, 0 where subgroup operations cannot be used. */
  readonly subgroupSize: number;
  /** Largest number of invocations of a workgroup. */
  readonly maxInvocations: number;
  /** True for a driver that computes on the CPU; false unless given. */
  readonly software?: boolean;
  /** What timing has chosen on this device; without it the first candidate is taken. */
  readonly choices?: KernelChoices;
}

/** A convolution for which a kernel is to be chosen. */
export type ConvolutionUse =
  & { readonly geometry: ConvolutionGeometry }
  & (
    | { readonly direction: "forward"; readonly fusion: ForwardFusion }
    | { readonly direction: "inputGradient"; readonly fusion: InputGradientFusion }
    | { readonly direction: "weightGradient"; readonly fusion: WeightGradientFusion }
  );

/** Choices between the candidates of a use. */
export interface KernelChoices {
  /** Index of the chosen candidate; `undefined` where nothing was chosen. */
  find(use: ConvolutionUse): number | undefined;
}

/**
 * One kernel family. Each direction lists the kernels that it can offer for a geometry, the one that
 * should be fastest first; none where it cannot do the geometry or the fusion. Lists are lazy: a
 * kernel's text is written when it is taken.
 */
export interface ConvolutionVariant {
  readonly name: string;
  /** x (N,C,H,W), w (K,C,R,R) -> y (N,K,OH,OW). */
  forward(
    geometry: ConvolutionGeometry,
    capabilities: KernelCapabilities,
    fusion?: ForwardFusion,
  ): Iterable<ImageKernel>;
  /** dy (N,K,OH,OW), w (K,C,R,R) -> dx (N,C,H,W). */
  inputGradient(
    geometry: ConvolutionGeometry,
    capabilities: KernelCapabilities,
    fusion?: InputGradientFusion,
  ): Iterable<ImageKernel>;
  /** x (N,C,H,W), dy (N,K,OH,OW) -> partial sums of dw. */
  weightGradient(
    geometry: ConvolutionGeometry,
    capabilities: KernelCapabilities,
    fusion?: WeightGradientFusion,
  ): Iterable<WeightGradient>;
}
