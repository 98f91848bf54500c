/** What a recorded kernel is, read off its step: operation, shape, fusions, arithmetic, bytes. */

import { type ConvolutionGeometry, outputExtent } from "../../shaders/convolution/variant.ts";
import type { Step } from "../tensor/tape.ts";
import { nchw, size, type Tensor } from "../tensor/tensor.ts";

/** Which of the three convolutions. */
export type Direction = "forward" | "input gradient" | "weight gradient";

/** A convolution kernel of a step. */
export interface ConvolutionFacts {
  readonly direction: Direction;
  /** Of `shaders/convolution/variants.ts`. */
  readonly variant: string;
  readonly geometry: ConvolutionGeometry;
  /** The image is read as relu(scale x + shift), or the gradient masked by it. */
  readonly normalised: boolean;
  /** A residual, or a gradient from elsewhere, is added to the result. */
  readonly adds: boolean;
  /** Statistics of the result, or sums for the batch norm's gradient, are written too. */
  readonly partials: boolean;
}

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
  const convolution = convolutionFacts(step);
  if (!convolution) return { ...splitLabel(step.kernel.label), bytes };
  const { direction, geometry } = convolution;
  const { batch, inChannels, height, width, outChannels, kernelSize, stride } = geometry;
  return {
    name: `convolution ${direction}`,
    shape: `${batch}x${inChannels}x${height}x${width} -> ${outChannels}, ` +
      `${kernelSize}x${kernelSize}${stride === 1 ? "" : ` stride ${stride}`}`,
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

/**
 * The convolution that a step computes, or `undefined` for another operation. Shapes and fusions
 * follow from the tensors, whose order `shaders/convolution/variant.ts` lays down.
 */
export function convolutionFacts({ kernel, reads, writes }: Step): ConvolutionFacts | undefined {
  const match = /^convolution (forward|input gradient|weight gradient) (\S+)/.exec(kernel.label);
  if (!match) return undefined;
  const direction = match[1] as Direction;
  const facts = { direction, variant: match[2]! };
  const [first, second] = reads as [Tensor, Tensor];
  const result = writes[0]!;
  const partials = writes.length > 1;
  const more = reads.slice(2);
  switch (direction) {
    case "forward": {
      const adds = more.some(({ shape }) => shape.length === 4);
      const normalised = more.length > Number(adds);
      return { ...facts, geometry: geometryOf(first, second, result), normalised, adds, partials };
    }
    case "input gradient": {
      const adds = more.length % 2 === 1;
      const geometry = geometryOf(result, second, first);
      return { ...facts, geometry, normalised: partials, adds, partials };
    }
    case "weight gradient": {
      // (parts,K,C,R,R) or, with one part, the gradient itself.
      const weights = { ...result, shape: result.shape.slice(-4) };
      const geometry = geometryOf(first, weights, second);
      return { ...facts, geometry, normalised: more.length > 0, adds: false, partials: false };
    }
  }
}

/** From x (N,C,H,W), w (K,C,R,R) and y (N,K,OH,OW); padding keeps the size at stride 1. */
function geometryOf(x: Tensor, w: Tensor, y: Tensor): ConvolutionGeometry {
  const { n: batch, c: inChannels, h: height, w: width } = nchw(x);
  const { n: outChannels, h: kernelSize } = nchw(w);
  return {
    batch,
    inChannels,
    height,
    width,
    outChannels,
    kernelSize,
    stride: Math.round(height / nchw(y).h),
    padding: (kernelSize - 1) / 2,
  };
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
