/** Symbolic tensors: a shape and an element type now, memory on the GPU later. */

import type { BufferRange } from "../gpu/gpu.ts";

/** Extent of each dimension. Images are (N,C,H,W); a scalar is `[1]`. */
export type Shape = readonly number[];

/** Element type on the GPU; both take 4 bytes. */
export type ElementType = "f32" | "u32";

/** A value that a recorded program computes or reads. */
export interface Tensor {
  /** Extents, outermost first. */
  readonly shape: Shape;
  /** Of every element. */
  readonly type: ElementType;
  /** For error messages and benchmarks. */
  readonly label: string;
  /**
   * Where the tensor lies for good: parameters, data, results. Without it the tensor is transient:
   * the program gives it memory that other tensors use before and after.
   */
  readonly location?: BufferRange;
  /** The tensor whose memory this one is, in another shape; never itself such a view. */
  readonly base?: Tensor;
}

/** The tensor that has the memory: of a view the one that it is a view of. */
export function storage(tensor: Tensor): Tensor {
  return tensor.base ?? tensor;
}

/** Number of elements. */
export function size(tensor: Tensor): number {
  return tensor.shape.reduce((product, extent) => product * extent, 1);
}

/** A tensor that lies in `location`. */
export function locatedTensor(
  shape: Shape,
  location: BufferRange,
  label: string,
  type: ElementType = "f32",
): Tensor {
  const tensor = { shape, type, label, location };
  if (size(tensor) * 4 > location.size) {
    throw new RangeError(`${label} needs ${size(tensor) * 4} bytes, found ${location.size}`);
  }
  return tensor;
}

/** (N,C,H,W) of a batch of feature maps; throws `RangeError` for any other number of dimensions. */
export function nchw(tensor: Tensor): { n: number; c: number; h: number; w: number } {
  const [n, c, h, w] = tensor.shape;
  if (tensor.shape.length !== 4) {
    throw new RangeError(
      `${tensor.label}: expected shape (N,C,H,W), found [${tensor.shape.join(", ")}]`,
    );
  }
  return { n: n!, c: c!, h: h!, w: w! };
}

/** Throws `RangeError` unless `found` equals `expected`. */
export function expectShape(found: Tensor, expected: Shape, action: string): void {
  if (
    found.shape.length !== expected.length ||
    found.shape.some((extent, i) => extent !== expected[i])
  ) {
    throw new RangeError(
      `cannot ${action}: ${found.label} has shape [${found.shape.join(", ")}], ` +
        `expected [${expected.join(", ")}]`,
    );
  }
}
