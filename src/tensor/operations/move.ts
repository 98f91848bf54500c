/** Operations that move elements and compute nothing; their gradients move them back. */

import {
  broadcastPlaces,
  denseStrides,
  fillKernel,
  gatherPlacesKernel,
  type Places,
  scatterPlacesKernel,
} from "../../../shaders/affine.ts";
import type { Tape } from "../tape.ts";
import { size, type Tensor } from "../tensor.ts";
import { sumTo } from "./reduce.ts";

/** x with its dimensions in another order: dimension `i` of the result is `permutation[i]` of x. */
export function transpose(tape: Tape, x: Tensor, permutation: readonly number[]): Tensor {
  const strides = denseStrides(x.shape);
  const shape = permutation.map((from) => x.shape[from]!);
  const places = { shape, strides: permutation.map((from) => strides[from]!), first: 0 };
  const y = tape.transient(shape, `transpose of ${x.label}`);
  tape.run(gatherPlacesKernel(places, size(x)), [x], [y]);
  return tape.differentiable([x], y, (dy) => {
    const dx = tape.transient(x.shape, `d ${x.label}`);
    tape.run(scatterPlacesKernel(places, size(x)), [dy], [dx]);
    return [dx];
  });
}

/** Some of the indices of a dimension: `count` from `start` on, `step` apart. */
export interface SliceOfDimension {
  readonly start: number;
  readonly count: number;
  readonly step: number;
}

/** The elements of x at the given indices of every dimension; elsewhere its gradient is 0. */
export function slice(tape: Tape, x: Tensor, ranges: readonly SliceOfDimension[]): Tensor {
  const strides = denseStrides(x.shape);
  const places: Places = {
    shape: ranges.map(({ count }) => count),
    strides: ranges.map(({ step }, i) => step * strides[i]!),
    first: ranges.reduce((place, { start }, i) => place + start * strides[i]!, 0),
  };
  const y = tape.transient(places.shape, `slice of ${x.label}`);
  tape.run(gatherPlacesKernel(places, size(x)), [x], [y]);
  return tape.differentiable([x], y, (dy) => {
    const dx = tape.transient(x.shape, `d ${x.label}`);
    tape.run(fillKernel(size(x), 0), [], [dx]);
    tape.run(scatterPlacesKernel(places, size(x)), [dy], [dx]);
    return [dx];
  });
}

/** Where x lies in a tensor of `shape`, from `offsets` on. */
function inside(x: Tensor, shape: readonly number[], offsets: readonly number[]): Places {
  const strides = denseStrides(shape);
  return {
    shape: x.shape,
    strides,
    first: offsets.reduce((place, offset, i) => place + offset * strides[i]!, 0),
  };
}

/** Tensors one after the other along `axis`; equal in all other extents. */
export function concat(tape: Tape, parts: readonly Tensor[], axis: number): Tensor {
  const [first] = parts;
  if (!first) throw new RangeError("cannot join no tensors");
  for (const part of parts) {
    if (part.shape.some((extent, i) => i !== axis && extent !== first.shape[i])) {
      throw new RangeError(
        `cannot join ${part.label} [${part.shape.join(", ")}] to [${first.shape.join(", ")}]`,
      );
    }
  }
  const total = parts.reduce((sum, { shape }) => sum + shape[axis]!, 0);
  const shape = first.shape.map((extent, i) => i === axis ? total : extent);
  const y = tape.transient(shape, `${first.label} and ${parts.length - 1} more`);
  let offset = 0;
  const places = parts.map((part) => {
    const offsets = shape.map((_, i) => i === axis ? offset : 0);
    offset += part.shape[axis]!;
    return inside(part, shape, offsets);
  });
  for (const [i, part] of parts.entries()) {
    tape.run(scatterPlacesKernel(places[i]!, size(y)), [part], [y]);
  }
  return tape.differentiable(parts, y, (dy, backward) =>
    parts.map((part, i) => {
      if (!backward.wanted(i)) return undefined;
      const d = tape.transient(part.shape, `d ${part.label}`);
      tape.run(gatherPlacesKernel(places[i]!, size(y)), [dy], [d]);
      return d;
    }));
}

/** x with `before` and `after` more elements of `value` in each dimension. */
export function pad(
  tape: Tape,
  x: Tensor,
  before: readonly number[],
  after: readonly number[],
  value: number,
): Tensor {
  const shape = x.shape.map((extent, i) => before[i]! + extent + after[i]!);
  const places = inside(x, shape, before);
  const y = tape.transient(shape, `padded ${x.label}`);
  tape.run(fillKernel(size(y), value), [], [y]);
  tape.run(scatterPlacesKernel(places, size(y)), [x], [y]);
  return tape.differentiable([x], y, (dy) => {
    const dx = tape.transient(x.shape, `d ${x.label}`);
    tape.run(gatherPlacesKernel(places, size(y)), [dy], [dx]);
    return [dx];
  });
}

/** x padded by what lies inside: mirrored without the edge (`reflect`), or the edge repeated. */
export function padFromInside(
  tape: Tape,
  x: Tensor,
  before: readonly number[],
  after: readonly number[],
  mode: "reflect" | "edge",
): Tensor {
  let y = x;
  for (const [axis, extent] of x.shape.entries()) {
    const piece = (start: number, count: number): Tensor[] => {
      if (count === 0) return [];
      const one = mode === "edge";
      const ranges = y.shape.map((all, i) =>
        i === axis ? { start, count: one ? 1 : count, step: -1 } : { start: 0, count: all, step: 1 }
      );
      const cut = slice(tape, y, ranges);
      const shape = cut.shape.map((all, i) => i === axis ? count : all);
      return [one ? expand(tape, cut, shape) : cut];
    };
    const [left, right] = [before[axis]!, after[axis]!];
    if (left + right === 0) continue;
    const parts = mode === "edge"
      ? [...piece(0, left), y, ...piece(extent - 1, right)]
      : [...piece(left, left), y, ...piece(extent - 2, right)];
    y = concat(tape, parts, axis);
  }
  return y;
}

/** x broadcast to `shape`, as NumPy does. */
export function expand(tape: Tape, x: Tensor, shape: readonly number[]): Tensor {
  const y = tape.transient(shape, `expanded ${x.label}`);
  tape.run(gatherPlacesKernel(broadcastPlaces(x.shape, shape), size(x)), [x], [y]);
  return tape.differentiable([x], y, (dy) => [sumTo(tape, dy, x.shape)]);
}
