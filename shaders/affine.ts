/**
 * Kernels that move elements: between a dense tensor and places that lie at fixed distances in
 * another, which may be negative (a reversed slice) or 0 (broadcasting). Slices, transposes, padding
 * and concatenation and their gradients are all made of these.
 */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";

/** Places in a tensor: that of index (i, j, ...) is first + i strides[0] + j strides[1] + ... */
export interface Places {
  /** Extents of the index. */
  readonly shape: readonly number[];
  /** Elements from one place to the next, for each dimension. */
  readonly strides: readonly number[];
  /** Place of index 0. */
  readonly first: number;
}

/** Elements between neighbours along each dimension of a dense tensor. */
export function denseStrides(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const extent of shape.toReversed()) {
    strides.unshift(stride);
    stride *= extent;
  }
  return strides;
}

/** Places in a tensor of shape `from` that is broadcast to `shape`. */
export function broadcastPlaces(from: readonly number[], shape: readonly number[]): Places {
  const dense = denseStrides(from);
  const missing = shape.length - from.length;
  const strides = shape.map((_, i) =>
    i < missing || from[i - missing] === 1 ? 0 : dense[i - missing]!
  );
  return { shape, strides, first: 0 };
}

/** Number of places. */
export const placeCount = ({ shape }: Places): number =>
  shape.reduce((product, extent) => product * extent, 1);

/** WGSL for the place of the index whose flat form in `shape` is `i`, a u32. */
export function placeText({ shape, strides, first }: Places, i: string): string {
  // Neighbouring dimensions that are walked as one become one: fewer divisions.
  const merged: { extent: number; stride: number }[] = [];
  for (const [d, extent] of shape.entries()) {
    if (extent === 1) continue;
    const last = merged.at(-1);
    if (last && last.stride === strides[d]! * extent) {
      merged[merged.length - 1] = { extent: last.extent * extent, stride: strides[d]! };
    } else {
      merged.push({ extent, stride: strides[d]! });
    }
  }
  let inner = merged.reduce((product, { extent }) => product * extent, 1);
  const terms: string[] = [];
  for (const [d, { extent, stride }] of merged.entries()) {
    inner /= extent;
    if (stride === 0) continue;
    const quotient = inner === 1 ? i : `${i} / ${inner}u`;
    const index = d === 0 ? quotient : `${quotient} % ${extent}u`;
    terms.push(stride === 1 ? `i32(${index})` : `i32(${index}) * ${stride}`);
  }
  if (first !== 0 || terms.length === 0) terms.push(String(first));
  return terms.length === 1 && terms[0] === `i32(${i})` ? i : `u32(${terms.join(" + ")})`;
}

const describe = ({ shape, strides }: Places) => `[${shape.join(",")}] by [${strides.join(",")}]`;

/** x (elements) -> y, dense: the elements at the places. */
export function gatherPlacesKernel(places: Places, elements: number): Kernel {
  const count = placeCount(places);
  return elementwise(
    `gather ${describe(places)}`,
    count,
    declareBindings([{ name: "x", elements }], [{ name: "y", elements: count }]),
    `y[i] = x[${placeText(places, "i")}];`,
  );
}

/** x, dense -> y (elements), of which only the places are written. */
export function scatterPlacesKernel(places: Places, elements: number): Kernel {
  const count = placeCount(places);
  return elementwise(
    `scatter ${describe(places)}`,
    count,
    declareBindings([{ name: "x", elements: count }], [{ name: "y", elements }]),
    `y[${placeText(places, "i")}] = x[i];`,
  );
}

/** y (elements): `value` everywhere. */
export function fillKernel(elements: number, value: number): Kernel {
  return elementwise(
    `fill ${elements} with ${value}`,
    elements,
    declareBindings([], [{ name: "y", elements }]),
    `y[i] = f32(${value});`,
  );
}

/** x (elements) -> y, dense: `factor` times the elements at the places. */
export function scaledPlacesKernel(places: Places, elements: number, factor: number): Kernel {
  const count = placeCount(places);
  return elementwise(
    `gather ${describe(places)} times ${factor}`,
    count,
    declareBindings([{ name: "x", elements }], [{ name: "y", elements: count }]),
    `y[i] = x[${placeText(places, "i")}] * f32(${factor});`,
  );
}
