/**
 * What every convolution kernel family offers. A variant is one way of doing the three directions;
 * all variants compute the same sums, in whatever (fixed) order suits the hardware.
 */

import type { Kernel, KernelCapabilities } from "../kernel.ts";
import type {
  ConvolutionFacts,
  ConvolutionGeometry,
  ForwardFusion,
  InputGradientFusion,
  WeightGradientFusion,
} from "./use.ts";

/** A kernel of one of the three directions. */
export interface ConvolutionKernel extends Kernel {
  /** What it computes, and how. */
  readonly convolution: ConvolutionFacts;
}

/** A kernel that may also write per-channel partial results. */
export interface ImageKernel extends ConvolutionKernel {
  /** Parts of `statistics` or `sums`; 0 where none was asked for. */
  readonly parts: number;
  /** Values of one channel in each part, the same for all parts. */
  readonly valuesPerPart: number;
}

/** A weight gradient in two kernels: partial sums, then their total in fixed order. */
export interface WeightGradient {
  /** x, dy -> partial sums (parts, K, C, R, R). */
  readonly kernel: ConvolutionKernel;
  /** How many partial sums there are of each weight; with 1 the kernel writes dw itself. */
  readonly parts: number;
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
