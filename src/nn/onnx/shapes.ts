/** Shapes that ONNX's nodes ask for, spelled out: what both host and graph rules need. */

import type { SliceRange } from "../graph.ts";
import { type NodeReader, UnsupportedNode } from "./items.ts";

const product = (shape: readonly number[]) => shape.reduce((total, extent) => total * extent, 1);

/**
 * The shape that a Reshape asks for: 0 keeps an extent, -1 is what remains. A batch that the file has
 * frozen into a leading extent becomes the batch that the graph is built for.
 */
export function reshapeTarget(reader: NodeReader): number[] {
  const shape = reader.shape(0);
  const wanted = reader.intsOrInput("shape", 1);
  if (!wanted) throw new UnsupportedNode("it has no shape");
  const target = [...wanted];
  const { declared, actual } = reader.model.batch ?? {};
  const data = reader.item(0).kind === "data";
  if (data && declared !== undefined && target[0] === declared && shape[0] === actual) {
    target[0] = actual!;
  }
  const copies = reader.int("allowzero", 0) === 0;
  for (const [i, extent] of target.entries()) {
    if (extent === 0 && copies) target[i] = shape[i] ?? 0;
  }
  const free = target.indexOf(-1);
  if (free >= 0) {
    const rest = product(target.filter((_, i) => i !== free));
    target[free] = rest === 0 ? 0 : product(shape) / rest;
  }
  if (product(target) !== product(shape) || target.some((extent) => !(extent >= 0))) {
    throw new UnsupportedNode(
      `it turns [${shape.join(", ")}] into [${wanted.join(", ")}], which has other elements`,
    );
  }
  return target;
}

/** The ranges of a Slice, one a dimension. */
export function sliceRanges(reader: NodeReader): SliceRange[] {
  const shape = reader.shape(0);
  const starts = reader.intsOrInput("starts", 1) ?? [];
  const ends = reader.intsOrInput("ends", 2) ?? [];
  const axes = reader.intsOrInput("axes", 3) ?? starts.map((_, i) => i);
  const steps = (reader.opset >= 10 ? reader.host(4)?.data : undefined) ?? [];
  const ranges: SliceRange[] = shape.map((count) => ({ start: 0, count, step: 1 }));
  for (const [i, each] of axes.entries()) {
    const axis = reader.axis(each, shape.length - 1);
    const extent = shape[axis]!;
    const step = steps[i] ?? 1;
    if (step === 0) throw new UnsupportedNode("its step is 0");
    const from = (index: number) => index < 0 ? index + extent : index;
    const clamp = (index: number, low: number, high: number) =>
      Math.min(Math.max(index, low), high);
    const [low, high] = step > 0 ? [0, extent] : [-1, extent - 1];
    const start = clamp(from(starts[i]!), 0, high);
    const end = clamp(from(ends[i]!), low, high);
    const count = Math.max(0, Math.ceil((end - start) / step));
    ranges[axis] = { start, count, step };
  }
  return ranges;
}

/** Extents of a Split's outputs along `axis`. */
export function splitCounts(reader: NodeReader, axis: number): number[] {
  const given = reader.intsOrInput("split", 1);
  if (given) return given;
  const extent = reader.shape(0)[axis]!;
  const parts = reader.node.outputs.length;
  const size = Math.ceil(extent / parts);
  return reader.node.outputs.map((_, i) => Math.min(size, Math.max(0, extent - i * size)));
}

/** The shape without the extents of 1 that a Squeeze names, or without all of them. */
export function squeezedShape(reader: NodeReader): number[] {
  const shape = reader.shape(0);
  const axes = reader.intsOrInput("axes", 1)?.map((axis) => reader.axis(axis, shape.length));
  return shape.filter((extent, i) => axes ? !axes.includes(i) : extent !== 1);
}

/** The shape with an extent of 1 where an Unsqueeze names one. */
export function unsqueezedShape(reader: NodeReader): number[] {
  const shape = reader.shape(0);
  const given = reader.intsOrInput("axes", 1) ?? [];
  const rank = shape.length + given.length;
  const axes = given.map((axis) => axis < 0 ? axis + rank : axis);
  const rest = [...shape];
  return Array.from({ length: rank }, (_, i) => axes.includes(i) ? 1 : rest.shift()!);
}
