/** Views into flat memory by shape and strides, as PyTorch and Fortran-ordered arrays need. */

/** Strides, in elements, of a dense array whose last index varies fastest. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= Math.max(shape[i]!, 1);
  }
  return strides;
}

/** Strides, in elements, of a dense array whose first index varies fastest. */
export function columnMajorStrides(shape: readonly number[]): number[] {
  return rowMajorStrides(shape.toReversed()).reverse();
}

/** Index of the last element that a view touches, counted from its first; -1 for an empty view. */
export function lastIndex(shape: readonly number[], strides: readonly number[]): number {
  if (shape.includes(0)) return -1;
  return shape.reduce((index, extent, i) => index + (extent - 1) * strides[i]!, 0);
}

/**
 * The bytes of a view in C order: a subarray of `bytes` where the view is dense, else a copy.
 *
 * `offset` and `strides` (not negative) count elements of `elementBytes` bytes; the caller has made
 * sure that `offset + lastIndex(shape, strides)` lies inside `bytes`.
 */
export function gatherStrided(
  bytes: Uint8Array,
  elementBytes: number,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): Uint8Array {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const start = offset * elementBytes;
  const dense = rowMajorStrides(shape);
  if (count === 0 || shape.every((extent, i) => extent === 1 || strides[i] === dense[i])) {
    return bytes.subarray(start, start + count * elementBytes);
  }
  const gathered = new Uint8Array(count * elementBytes);
  const index = new Array<number>(shape.length).fill(0);
  let from = start;
  for (let to = 0; to < gathered.length; to += elementBytes) {
    for (let k = 0; k < elementBytes; k++) gathered[to + k] = bytes[from + k]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]! * elementBytes;
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      from -= shape[axis]! * strides[axis]! * elementBytes;
      index[axis] = 0;
    }
  }
  return gathered;
}
