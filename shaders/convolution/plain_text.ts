/** Pieces of WGSL that the plain kernels share. */

import type { Binding } from "../kernel.ts";
import { convolutionLabel, type ConvolutionUse } from "./use.ts";
import type { ConvolutionKernel } from "./variant.ts";

/** Invocations of a workgroup. */
export const WORKGROUP = 64;

/** Channels that one invocation computes: at most `limit`. */
export function channelTile(channels: number, limit: number): number {
  return Math.min(channels, limit);
}

/** Bindings of the fusions that this variant knows: scale and shift of x, and an addend. */
export function extraReads(
  normalise: boolean,
  channels: number,
  addendElements: number,
): Binding[] {
  const reads: Binding[] = [];
  if (normalise) reads.push({ name: "coefficients", elements: 2 * channels });
  if (addendElements > 0) reads.push({ name: "addend", elements: addendElements });
  return reads;
}

/** WGSL for a value of x, read at `index`, of channel c. */
export function readInput(index: string, normalise: boolean, channels: number): string {
  return normalise
    ? `max(x[${index}] * coefficients[c] + coefficients[${channels}u + c], 0.0)`
    : `x[${index}]`;
}

/** What a plain kernel is: there is one for each use. */
export function kernelFacts(use: ConvolutionUse): Pick<ConvolutionKernel, "label" | "convolution"> {
  const convolution = { ...use, variant: "plain", tile: "" };
  return { label: convolutionLabel(convolution), convolution };
}
