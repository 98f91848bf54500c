/** Operators that move elements or reduce dimensions: ONNX's nodes as operators of the graph. */

import type { SliceRange } from "../graph.ts";
import { hostInts } from "./host.ts";
import { hostItem, type Item, type NodeReader, UnsupportedNode } from "./items.ts";
import {
  reshapeTarget,
  sliceRanges,
  splitCounts,
  squeezedShape,
  unsqueezedShape,
} from "./shapes.ts";

const product = (shape: readonly number[]) => shape.reduce((total, extent) => total * extent, 1);

function reshape(reader: NodeReader, shape: readonly number[]): Item[] {
  if (shape.join() === reader.shape(0).join()) return [reader.item(0)];
  return [reader.emit({ kind: "reshape", shape }, [reader.value(0)])];
}

/** Keeps the elements in the ranges; all of a dimension where a range says so. */
function slice(reader: NodeReader, ranges: readonly SliceRange[]): Item {
  const shape = reader.shape(0);
  const kept = ranges.map((range, i) =>
    range.start === 0 && range.step === 1 && range.count === shape[i] ? "all" : range
  );
  if (kept.every((range) => range === "all")) return reader.item(0);
  return reader.emit({ kind: "slice", ranges: kept }, [reader.value(0)]);
}

/** Ranges that take all but `range` along `axis`. */
const along = (shape: readonly number[], axis: number, range: SliceRange): SliceRange[] =>
  shape.map((count, i) => i === axis ? range : { start: 0, count, step: 1 });

function split(reader: NodeReader): Item[] {
  const shape = reader.shape(0);
  const axis = reader.axis(reader.int("axis", 0), shape.length);
  let start = 0;
  return splitCounts(reader, axis).map((count) => {
    const item = slice(reader, along(shape, axis, { start, count, step: 1 }));
    start += count;
    return item;
  });
}

/** Most slices that a Gather may be made of. */
const MAXIMUM_SLICES = 64;

/** Indices as runs at equal distances. */
function runsOf(places: readonly number[]): SliceRange[] {
  const runs: SliceRange[] = [];
  for (const place of places) {
    const last = runs.at(-1);
    const distance = last ? place - (last.start + (last.count - 1) * last.step) : 0;
    if (last && distance !== 0 && (last.count === 1 || distance === last.step)) {
      runs[runs.length - 1] = { ...last, count: last.count + 1, step: distance };
    } else {
      runs.push({ start: place, count: 1, step: 1 });
    }
  }
  return runs;
}

/** Gather: the slices of x that known indices ask for. */
function gather(reader: NodeReader): Item[] {
  const shape = reader.shape(0);
  const axis = reader.axis(reader.int("axis", 0), shape.length - 1);
  const indices = reader.known(1);
  const extent = shape[axis]!;
  const places = Array.from(indices.data, (index) => index < 0 ? index + extent : index);
  if (places.some((place) => !(place >= 0 && place < extent))) {
    throw new UnsupportedNode(`its indices leave 0 to ${extent - 1}`);
  }
  const runs = runsOf(places);
  if (runs.length === 0 || runs.length > MAXIMUM_SLICES) {
    throw new UnsupportedNode(`its indices make ${runs.length} slices`);
  }
  const slices = runs.map((run) => slice(reader, along(shape, axis, run)));
  const [first] = slices;
  const taken = slices.length === 1 && first ? first : reader.emit(
    { kind: "concat", axis },
    slices.map((item) => item.kind === "data" ? item.value : reader.value(0)),
  );
  const result = [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)];
  if (indices.shape.length === 1 || taken.kind !== "data") return [taken];
  return [reader.emit({ kind: "reshape", shape: result }, [taken.value])];
}

function pad(reader: NodeReader): Item[] {
  const shape = reader.shape(0);
  const rank = shape.length;
  const pads = reader.intsOrInput(reader.opset < 2 ? "paddings" : "pads", 1) ?? [];
  const axes = (reader.host(3) ? Array.from(reader.known(3).data) : shape.map((_, i) => i))
    .map((axis) => reader.axis(axis, rank));
  const mode = reader.text("mode", "constant");
  if (mode !== "constant" && mode !== "reflect" && mode !== "edge") {
    throw new UnsupportedNode(`its mode is ${mode}`);
  }
  if (pads.length !== 2 * axes.length || pads.some((count) => !(count >= 0))) {
    throw new UnsupportedNode(`its pads are ${pads.join(", ")}`);
  }
  const before = shape.map(() => 0);
  const after = shape.map(() => 0);
  for (const [i, axis] of axes.entries()) {
    before[axis] = pads[i]!;
    after[axis] = pads[i + axes.length]!;
  }
  // DenseNet's exports hold pads of nothing.
  if (pads.every((count) => count === 0)) return [reader.item(0)];
  const value = reader.numberOrInput("value", 2) ?? 0;
  return [reader.emit({ kind: "pad", mode, before, after, value }, [reader.value(0)])];
}

const reduce = (name: "mean" | "sum" | "max" | "min") => (reader: NodeReader): Item[] => {
  const rank = reader.shape(0).length;
  const given = reader.intsOrInput("axes", 1);
  const none = given === undefined || given.length === 0;
  if (none && reader.int("noop_with_empty_axes", 0) !== 0) return [reader.item(0)];
  const axes = none ? [...reader.shape(0).keys()] : given.map((axis) => reader.axis(axis, rank));
  const keep = reader.int("keepdims", 1) !== 0;
  axes.sort((a, b) => a - b);
  return [reader.emit({ kind: "reduce", function: name, axes, keep }, [reader.value(0)])];
};

const globalPool = (name: "mean" | "max") => (reader: NodeReader): Item[] => {
  const axes = [...reader.shape(0).keys()].slice(2);
  return [reader.emit({ kind: "reduce", function: name, axes, keep: true }, [reader.value(0)])];
};

/** Softmax: before version 13 over all dimensions from `axis` on, since then along `axis`. */
const softmax = (log: boolean) => (reader: NodeReader): Item[] => {
  const shape = reader.shape(0);
  const x = reader.value(0);
  if (reader.opset >= 13) {
    const axis = reader.axis(reader.int("axis", -1), shape.length);
    return [reader.emit({ kind: "softmax", axis, log }, [x])];
  }
  const axis = reader.axis(reader.int("axis", 1), shape.length);
  if (axis === shape.length - 1) return [reader.emit({ kind: "softmax", axis, log }, [x])];
  const flat = [product(shape.slice(0, axis)), product(shape.slice(axis))];
  const rows = reader.emit({ kind: "reshape", shape: flat }, [x]).value;
  const soft = reader.emit({ kind: "softmax", axis: 1, log }, [rows]).value;
  return [reader.emit({ kind: "reshape", shape }, [soft])];
};

/** The rules by operator. */
export const SHAPE_RULES: Readonly<Record<string, (reader: NodeReader) => Item[]>> = {
  Identity: (reader) => [reader.item(0)],
  // Between kinds of real numbers; all are float32 here.
  Cast: (reader) => {
    if (![1, 10, 11, 16].includes(reader.int("to", 1))) {
      throw new UnsupportedNode("it makes whole numbers of what depends on the image");
    }
    return [reader.item(0)];
  },
  Shape: (reader) => {
    const shape = reader.shape(0);
    const from = (index: number) =>
      Math.min(Math.max(index < 0 ? index + shape.length : index, 0), shape.length);
    const part = shape.slice(from(reader.int("start", 0)), from(reader.int("end", shape.length)));
    return [hostItem(hostInts(part))];
  },
  Reshape: (reader) => reshape(reader, reshapeTarget(reader)),
  Flatten: (reader) => {
    const shape = reader.shape(0);
    const axis = reader.axis(reader.int("axis", 1), shape.length);
    return reshape(reader, [product(shape.slice(0, axis)), product(shape.slice(axis))]);
  },
  Squeeze: (reader) => reshape(reader, squeezedShape(reader)),
  Unsqueeze: (reader) => reshape(reader, unsqueezedShape(reader)),
  Transpose: (reader) => {
    const permutation = reader.ints("perm") ?? [...reader.shape(0).keys()].reverse();
    if (permutation.every((from, i) => from === i)) return [reader.item(0)];
    return [reader.emit({ kind: "transpose", permutation }, [reader.value(0)])];
  },
  Expand: (reader) => {
    const shape = Array.from(reader.known(1).data);
    return [reader.emit({ kind: "expand", shape }, [reader.value(0)])];
  },
  Concat: (reader) => {
    const axis = reader.axis(reader.int("axis", 1), reader.shape(0).length);
    return [reader.emit({ kind: "concat", axis }, reader.items.map((_, i) => reader.value(i)))];
  },
  Slice: (reader) => [slice(reader, sliceRanges(reader))],
  Split: split,
  Gather: gather,
  Pad: pad,
  ReduceMean: reduce("mean"),
  ReduceSum: reduce("sum"),
  ReduceMax: reduce("max"),
  ReduceMin: reduce("min"),
  GlobalAveragePool: globalPool("mean"),
  GlobalMaxPool: globalPool("max"),
  Softmax: softmax(false),
  LogSoftmax: softmax(true),
};
