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
}

/** One kernel family. A direction that it cannot do for a geometry is `undefined`. */
export interface ConvolutionVariant {
  readonly name: string;
  /** x (N,C,H,W), w (K,C,R,R) -> y (N,K,OH,OW). */
  forward(geometry: ConvolutionGeometry, capabilities: KernelCapabilities): Kernel | undefined;
  /** dy (N,K,OH,OW), w (K,C,R,R) -> dx (N,C,H,W). */
  inputGradient(
    geometry: ConvolutionGeometry,
    capabilities: KernelCapabilities,
  ): Kernel | undefined;
  /** x (N,C,H,W), dy (N,K,OH,OW) -> partial sums of dw. */
  weightGradient(
    geometry: ConvolutionGeometry,
    capabilities: KernelCapabilities,
  ): WeightGradient | undefined;
}
