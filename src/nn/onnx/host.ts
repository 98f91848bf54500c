/**
 * Arithmetic on tensors that do not depend on the image: shapes, indices, constants. Exporters leave
 * hundreds of such nodes behind. Elements are float64 numbers, in which every integer below 2^53 is
 * exact; divisions of integers round toward zero.
 */

import { broadcastShape } from "../graph_shapes.ts";

/** A tensor that is known before any image is. */
export interface HostArray {
  /** Whether elements are whole numbers, truth values or real numbers. */
  readonly type: "float" | "int" | "bool";
  /** Extents. */
  readonly shape: readonly number[];
  /** In C order. */
  readonly data: Float64Array;
}

/** Most elements of a tensor that is computed here. */
const MAXIMUM_ELEMENTS = 2 ** 24;

/** Number of elements of a shape, which must be moderate. */
export function hostSize(shape: readonly number[]): number {
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (!(size <= MAXIMUM_ELEMENTS)) {
    throw new RangeError(
      `found a constant of shape [${
        shape.join(", ")
      }], expected at most ${MAXIMUM_ELEMENTS} elements`,
    );
  }
  return size;
}

/** A vector of whole numbers. */
export function hostInts(values: readonly number[]): HostArray {
  return { type: "int", shape: [values.length], data: Float64Array.from(values) };
}

/** Elements between neighbours along each dimension. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const extent of shape.toReversed()) {
    strides.unshift(stride);
    stride *= extent;
  }
  return strides;
}

/** A tensor of `shape` whose element at `index` is element `source(index)` of `x`. */
export function hostGather(
  x: HostArray,
  shape: readonly number[],
  source: (index: readonly number[]) => number,
): HostArray {
  const data = new Float64Array(hostSize(shape));
  const index = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    data[i] = x.data[source(index)]!;
    for (let d = shape.length - 1; d >= 0 && ++index[d]! === shape[d]; d--) index[d] = 0;
  }
  return { type: x.type, shape, data };
}

/** x broadcast to `shape`. */
export function hostExpand(x: HostArray, shape: readonly number[]): HostArray {
  const offset = shape.length - x.shape.length;
  const strides = stridesOf(x.shape).map((stride, i) => x.shape[i] === 1 ? 0 : stride);
  return hostGather(
    x,
    shape,
    (index) => strides.reduce((at, stride, i) => at + stride * index[offset + i]!, 0),
  );
}

/** f of the elements of a and b, broadcast. */
export function hostBinary(
  a: HostArray,
  b: HostArray,
  f: (a: number, b: number) => number,
  type: HostArray["type"] = a.type,
): HostArray {
  const shape = broadcastShape(a.shape, b.shape);
  const [left, right] = [hostExpand(a, shape), hostExpand(b, shape)];
  return { type, shape, data: left.data.map((value, i) => f(value, right.data[i]!)) };
}

/** x with its dimensions in another order. */
export function hostTranspose(x: HostArray, permutation: readonly number[]): HostArray {
  const strides = stridesOf(x.shape);
  return hostGather(
    x,
    permutation.map((from) => x.shape[from]!),
    (index) => permutation.reduce((at, from, i) => at + strides[from]! * index[i]!, 0),
  );
}

/** The elements at the ranges' indices. */
export function hostSlice(
  x: HostArray,
  ranges: readonly { start: number; count: number; step: number }[],
): HostArray {
  const strides = stridesOf(x.shape);
  return hostGather(
    x,
    ranges.map(({ count }) => count),
    (index) =>
      ranges.reduce((at, { start, step }, i) => at + strides[i]! * (start + step * index[i]!), 0),
  );
}

/** Tensors one after the other along `axis`. */
export function hostConcat(parts: readonly HostArray[], axis: number): HostArray {
  const [first] = parts;
  const total = parts.reduce((sum, { shape }) => sum + shape[axis]!, 0);
  const shape = first!.shape.map((extent, i) => i === axis ? total : extent);
  const data = new Float64Array(hostSize(shape));
  const inner = shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  const outer = shape.slice(0, axis).reduce((product, extent) => product * extent, 1);
  let offset = 0;
  for (const part of parts) {
    const run = part.shape[axis]! * inner;
    for (let o = 0; o < outer; o++) {
      data.set(part.data.subarray(o * run, (o + 1) * run), o * total * inner + offset);
    }
    offset += run;
  }
  return { type: first!.type, shape, data };
}

/** Slices of x along `axis`, at `indices` (any shape; negative ones count from the end). */
export function hostTake(x: HostArray, indices: HostArray, axis: number): HostArray {
  const strides = stridesOf(x.shape);
  const extent = x.shape[axis]!;
  const places = Array.from(indices.data, (index) => {
    const place = index < 0 ? index + extent : index;
    if (!(place >= 0 && place < extent)) {
      throw new RangeError(`found index ${index}, expected one of ${extent}`);
    }
    return place;
  });
  const own = stridesOf(indices.shape);
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  return hostGather(x, shape, (index) => {
    let at = 0;
    for (let i = 0; i < axis; i++) at += strides[i]! * index[i]!;
    let chosen = 0;
    for (const [i, stride] of own.entries()) chosen += stride * index[axis + i]!;
    at += strides[axis]! * places[chosen]!;
    for (let i = axis + 1; i < x.shape.length; i++) {
      at += strides[i]! * index[i + own.length - 1]!;
    }
    return at;
  });
}
