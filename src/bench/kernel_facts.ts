/** What a recorded kernel is: operation, shape, arithmetic, bytes. */

import {
  type ConvolutionFacts,
  type ConvolutionGeometry,
  DIRECTIONS,
  geometryText,
  outputExtent,
} from "../../shaders/convolution/use.ts";
import type { Step } from "../tensor/tape.ts";
import { size } from "../tensor/tensor.ts";

/** Any kernel of a step. */
export interface KernelFacts {
  /** For example `convolution forward` or `batch norm gradient`. */
  readonly name: string;
  /** For example `64x16x32x32 -> 16, 3x3`. */
  readonly shape: string;
  /** Floating-point operations of the convolution, products with padding included. */
  readonly flops?: number;
  /** Bytes of the tensors that it touches, each counted once; of images, those of the batch. */
  readonly bytes: number;
  readonly convolution?: ConvolutionFacts;
}

/** Reads the facts off a step. */
export function kernelFacts(step: Step): KernelFacts {
  const bytes = stepBytes(step);
  const { convolution, label } = step.kernel;
  if (!convolution) return { ...splitLabel(label), bytes };
  const { direction, geometry } = convolution;
  return {
    name: `convolution ${DIRECTIONS[direction]}`,
    shape: geometryText(geometry),
    flops: convolutionFlops(geometry),
    bytes,
    convolution,
  };
}

/** A multiply-add for every product, as two operations; the same in all three directions. */
export function convolutionFlops(geometry: ConvolutionGeometry): number {
  const { batch, inChannels, outChannels, kernelSize } = geometry;
  const { height, width } = outputExtent(geometry);
  return 2 * batch * outChannels * height * width * inChannels * kernelSize ** 2;
}

/** What a convolution does besides convolving, in words. */
export function fusionsOf(convolution: ConvolutionFacts | undefined): string[] {
  switch (convolution?.direction) {
    case "forward": {
      const { normaliseInput, addResidual, statistics } = convolution.fusion;
      return [
        ...normaliseInput ? ["batch norm + relu"] : [],
        ...addResidual ? ["residual"] : [],
        ...statistics ? ["statistics"] : [],
      ];
    }
    case "inputGradient": {
      const { addAddend, normalised } = convolution.fusion;
      return [
        ...normalised ? ["relu mask"] : [],
        ...addAddend ? ["addend"] : [],
        ...normalised ? ["sums"] : [],
      ];
    }
    case "weightGradient":
      return convolution.fusion.normaliseInput ? ["batch norm + relu"] : [];
    case undefined:
      return [];
  }
}

/** A label is the operation's name, then its shape, which begins with a digit or a bracket. */
export function splitLabel(label: string): { name: string; shape: string } {
  const at = label.search(/ [(\d]/);
  return at < 0
    ? { name: label, shape: "" }
    : { name: label.slice(0, at), shape: label.slice(at + 1) };
}

function stepBytes({ kernel, reads, writes }: Step): number {
  const written = writes.reduce((sum, tensor) => sum + 4 * size(tensor), 0);
  // Gathering takes a byte for every float that it writes, out of a buffer with all images.
  if (kernel.label.startsWith("gather")) return 1.25 * written;
  return reads.reduce((sum, tensor) => sum + 4 * size(tensor), written);
}
