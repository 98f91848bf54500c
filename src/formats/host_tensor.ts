/** Tensors in ordinary memory: what the file formats read and write, and what a model loads. */

/** Element types that files hold. */
export type HostDtype =
  | "float16"
  | "bfloat16"
  | "float32"
  | "float64"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "bool";

/**
 * Elements of a {@linkcode HostTensor}. Half precisions are widened to `Float32Array` on reading;
 * `bool` is one byte an element, 0 or 1.
 */
export type HostArray =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** A dense array in C order (the last index varies fastest). */
export interface HostTensor {
  /** Element type in the file. */
  readonly dtype: HostDtype;
  /** Extent of each dimension; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** Exactly as many elements as the product of `shape`. */
  readonly data: HostArray;
}

/** Tensors by name, in file order: PyTorch's `state_dict`. */
export type StateDict = Map<string, HostTensor>;

/** Number of elements of a tensor of this shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** A float32 tensor over `data`; throws `RangeError` where the lengths differ. */
export function float32Tensor(
  shape: readonly number[],
  data: Float32Array<ArrayBuffer>,
): HostTensor {
  if (data.length !== elementCount(shape)) {
    throw new RangeError(
      `cannot make a tensor of shape [${shape.join(", ")}] from ${data.length} elements`,
    );
  }
  return { dtype: "float32", shape, data };
}
