/**
 * Elements of tensors as bytes, and back. Every machine that Deno runs on is little-endian, so
 * little-endian bytes need no more than a copy.
 */

import type { HostArray, HostDtype, HostTensor } from "./host_tensor.ts";
import type { Refuse } from "./refusal.ts";

/** Bytes of one element in a file. */
export const ELEMENT_BYTES: Readonly<Record<HostDtype, number>> = {
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  bool: 1,
};

/** Most dimensions of a tensor: PyTorch's own limit. */
export const MAXIMUM_RANK = 64;

/**
 * Checks a shape from an untrusted file and returns its number of elements. Throws what `refuse`
 * makes where an extent is not a natural number, or the product of the extents, zeros left out, is
 * beyond 2^53.
 */
export function checkShape(shape: readonly unknown[], refuse: Refuse): number {
  if (shape.length > MAXIMUM_RANK) {
    throw refuse(`a tensor of ${shape.length} dimensions`, `at most ${MAXIMUM_RANK}`);
  }
  let product = 1;
  let empty = false;
  for (const extent of shape) {
    if (typeof extent !== "number" || !Number.isSafeInteger(extent) || extent < 0) {
      const found = typeof extent === "number" ? extent : "another kind of value";
      throw refuse(`a tensor extent of ${found}`, "a natural number");
    }
    if (extent === 0) empty = true;
    else product *= extent;
    if (!Number.isSafeInteger(product)) {
      throw refuse("a tensor of more than 2^53 elements", "one that fits the file");
    }
  }
  return empty ? 0 : product;
}

/** Reverses the bytes of each element of `size` bytes, in place. */
function swapBytes(bytes: Uint8Array, size: number): void {
  for (let i = 0; i + size <= bytes.length; i += size) bytes.subarray(i, i + size).reverse();
}

/**
 * The elements in `bytes`, copied. Half precisions are widened to float32; any non-zero byte of a
 * `bool` becomes 1. The length must be a multiple of the size of an element.
 */
export function decodeElements(
  bytes: Uint8Array,
  dtype: HostDtype,
  littleEndian = true,
): HostArray {
  const copy = new Uint8Array(bytes);
  if (!littleEndian && ELEMENT_BYTES[dtype] > 1) swapBytes(copy, ELEMENT_BYTES[dtype]);
  switch (dtype) {
    case "float16":
      return Float32Array.from(new Float16Array(copy.buffer));
    case "bfloat16": {
      const bits = Uint32Array.from(new Uint16Array(copy.buffer), (half) => half << 16);
      return new Float32Array(bits.buffer);
    }
    case "float32":
      return new Float32Array(copy.buffer);
    case "float64":
      return new Float64Array(copy.buffer);
    case "int8":
      return new Int8Array(copy.buffer);
    case "int16":
      return new Int16Array(copy.buffer);
    case "int32":
      return new Int32Array(copy.buffer);
    case "int64":
      return new BigInt64Array(copy.buffer);
    case "uint8":
      return copy;
    case "bool":
      return copy.map((byte) => byte === 0 ? 0 : 1);
  }
}

/** Float32 to bfloat16 bits, rounded to nearest, ties to even; a NaN stays a NaN. */
function toBfloat16(values: Float32Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (word) => {
    if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40;
    return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  });
}

/**
 * The elements of a tensor as little-endian bytes of its `dtype`; half precisions are rounded to
 * nearest. The result may share memory with the tensor.
 */
export function encodeElements({ dtype, data }: HostTensor): Uint8Array<ArrayBuffer> {
  let elements: HostArray | Uint16Array<ArrayBuffer> | Float16Array<ArrayBuffer> = data;
  if (dtype === "float16" && data instanceof Float32Array) elements = Float16Array.from(data);
  if (dtype === "bfloat16" && data instanceof Float32Array) elements = toBfloat16(data);
  return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
}
