/** ONNX operators on tensors that do not depend on the image. */

import type { Operator } from "../graph.ts";
import { broadcastShape } from "../graph_shapes.ts";
import {
  type HostArray,
  hostBinary,
  hostConcat,
  hostExpand,
  hostGather,
  hostInts,
  hostSize,
  hostSlice,
  hostTake,
  hostTranspose,
} from "./host.ts";
import { type HostItem, hostItem, type NodeReader, UnsupportedNode } from "./items.ts";
import {
  reshapeTarget,
  sliceRanges,
  splitCounts,
  squeezedShape,
  unsqueezedShape,
} from "./shapes.ts";

/** Computes a node's outputs. */
export type HostRule = (reader: NodeReader) => HostItem[];

/** Input 0, which like all inputs of these rules does not depend on the image. */
function hostInput(reader: NodeReader): HostItem {
  const item = reader.item(0);
  if (item.kind === "data") throw new UnsupportedNode("its input 0 depends on the image");
  return item;
}

/** The item of input 0, all of whose elements stay in their order. */
function reshaped(reader: NodeReader, shape: readonly number[]): HostItem[] {
  return [moved(reader, { kind: "reshape", shape }, shape, (x) => ({ ...x, shape }))];
}

/** Input 0 in another form; what comes from a tensor of the file remains traceable to it. */
function moved(
  reader: NodeReader,
  step: Operator,
  shape: readonly number[],
  move: (x: HostArray) => HostArray,
): HostItem {
  const item = hostInput(reader);
  let array: HostArray | undefined;
  return {
    kind: "host",
    type: item.type,
    shape,
    array: () => array ??= move(item.array()),
    ...item.origin && { origin: { ...item.origin, steps: [...item.origin.steps, step] } },
  };
}

const unary = (f: (x: number) => number): HostRule => (reader) => {
  const x = reader.known(0);
  return [hostItem({ ...x, data: x.data.map(f) })];
};

const binary = (
  f: (a: number, b: number) => number,
  type?: HostArray["type"],
): HostRule =>
(reader) => [hostItem(hostBinary(reader.known(0), reader.known(1), f, type))];

const variadic = (f: (a: number, b: number) => number): HostRule => (reader) => {
  const [first, ...rest] = reader.items.map((_, i) => reader.known(i));
  return [hostItem(rest.reduce((a, b) => hostBinary(a, b, f), first!))];
};

const reduction = (start: number, f: (a: number, b: number) => number): HostRule => (reader) => {
  const x = reader.known(0);
  const rank = x.shape.length;
  const given = reader.intsOrInput("axes", 1);
  const axes = (given ?? x.shape.keys().toArray()).map((axis) => reader.axis(axis, rank));
  const kept = x.shape.map((extent, i) => axes.includes(i) ? 1 : extent);
  const data = new Float64Array(hostSize(kept)).fill(start);
  const reduced = { type: x.type, shape: kept, data };
  // The index of each element's result, found by broadcasting the results' indices to x.
  const places = hostExpand({ ...reduced, data: Float64Array.from(data.keys()) }, x.shape);
  for (const [i, place] of places.data.entries()) data[place] = f(data[place]!, x.data[i]!);
  const keep = reader.int("keepdims", 1) !== 0;
  return [
    hostItem(keep ? reduced : { ...reduced, shape: x.shape.filter((_, i) => !axes.includes(i)) }),
  ];
};

/** NumPy's rounding of halves to even. */
const roundEven = (x: number) => {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
};

const truth = (f: (a: number, b: number) => boolean): HostRule =>
  binary((a, b) => f(a, b) ? 1 : 0, "bool");

/** ONNX's numbers of element types that are whole, and of truth values. */
const INTEGER_TYPES = [2, 3, 4, 5, 6, 7, 12, 13];
const BOOL_TYPE = 9;

function cast(reader: NodeReader): HostItem[] {
  const item = hostInput(reader);
  const to = reader.int("to", 1);
  if (!INTEGER_TYPES.includes(to) && to !== BOOL_TYPE) {
    return [item.type === "float" ? item : hostItem({ ...item.array(), type: "float" })];
  }
  const x = item.array();
  const convert = to === BOOL_TYPE ? (value: number) => value === 0 ? 0 : 1 : Math.trunc;
  return [hostItem({
    shape: x.shape,
    type: to === BOOL_TYPE ? "bool" : "int",
    data: x.data.map(convert),
  })];
}

function constantOfShape(reader: NodeReader): HostItem[] {
  const shape = Array.from(reader.known(0).data);
  const attribute = reader.node.attributes.get("value");
  const fill = attribute?.kind === "tensor" ? reader.tensor(attribute.value) : undefined;
  const data = new Float64Array(hostSize(shape)).fill(fill?.data[0] ?? 0);
  return [hostItem({ type: fill?.type ?? "float", shape, data })];
}

function where(reader: NodeReader): HostItem[] {
  const inputs = [0, 1, 2].map((i) => reader.known(i));
  const shape = broadcastShape(...inputs.map((input) => input.shape));
  const [condition, a, b] = inputs.map((input) => hostExpand(input, shape));
  const data = a!.data.map((value, i) => condition!.data[i] ? value : b!.data[i]!);
  return [hostItem({ type: a!.type, shape, data })];
}

function range(reader: NodeReader): HostItem[] {
  const [start, limit, delta] = [0, 1, 2].map((i) => reader.known(i).data[0]!);
  const count = Math.max(0, Math.ceil((limit! - start!) / delta!));
  const data = new Float64Array(hostSize([count])).map((_, i) => start! + i * delta!);
  return [hostItem({ type: reader.known(0).type, shape: [count], data })];
}

function tile(reader: NodeReader): HostItem[] {
  const x = reader.known(0);
  const repeats = reader.known(1).data;
  const shape = x.shape.map((extent, i) => extent * (repeats[i] ?? 1));
  return [
    hostItem(
      hostGather(
        x,
        shape,
        (index) => index.reduce((at, each, i) => at * x.shape[i]! + each % x.shape[i]!, 0),
      ),
    ),
  ];
}

/** The rules by operator. Operators that are not here are left to the graph, where it has them. */
export const HOST_RULES: Readonly<Record<string, HostRule>> = {
  Identity: (reader) => [hostInput(reader)],
  Dropout: (reader) => [hostInput(reader)],
  Cast: cast,
  Size: (reader) => [hostItem({
    type: "int",
    shape: [],
    data: Float64Array.of(reader.shape(0).reduce((product, extent) => product * extent, 1)),
  })],
  Gather: (reader) => {
    const x = reader.known(0);
    const axis = reader.axis(reader.int("axis", 0), x.shape.length);
    return [hostItem(hostTake(x, reader.known(1), axis))];
  },
  Slice: (reader) => [hostItem(hostSlice(reader.known(0), sliceRanges(reader)))],
  Concat: (reader) => {
    const parts = reader.items.map((_, i) => reader.known(i));
    const axis = reader.axis(reader.int("axis", 1), parts[0]!.shape.length);
    return [hostItem(hostConcat(parts, axis))];
  },
  Split: (reader) => {
    const x = reader.known(0);
    const axis = reader.axis(reader.int("axis", 0), x.shape.length);
    let start = 0;
    return splitCounts(reader, axis).map((count) => {
      const ranges = x.shape.map((extent, i) => ({
        start: i === axis ? start : 0,
        count: i === axis ? count : extent,
        step: 1,
      }));
      start += count;
      return hostItem(hostSlice(x, ranges));
    });
  },
  Reshape: (reader) => reshaped(reader, reshapeTarget(reader)),
  Flatten: (reader) => {
    const shape = reader.shape(0);
    const axis = reader.axis(reader.int("axis", 1), shape.length);
    const product = (part: readonly number[]) => part.reduce((total, extent) => total * extent, 1);
    return reshaped(reader, [product(shape.slice(0, axis)), product(shape.slice(axis))]);
  },
  Squeeze: (reader) => reshaped(reader, squeezedShape(reader)),
  Unsqueeze: (reader) => reshaped(reader, unsqueezedShape(reader)),
  Transpose: (reader) => {
    const shape = reader.shape(0);
    const permutation = reader.ints("perm") ?? [...shape.keys()].reverse();
    const result = permutation.map((from) => shape[from]!);
    return [
      moved(
        reader,
        { kind: "transpose", permutation },
        result,
        (x) => hostTranspose(x, permutation),
      ),
    ];
  },
  Expand: (reader) => {
    const x = reader.known(0);
    const shape = Array.from(reader.known(1).data);
    const template = { type: x.type, shape, data: new Float64Array(hostSize(shape)) };
    return [hostItem(hostBinary(x, template, (value) => value))];
  },
  Tile: tile,
  Range: range,
  Where: where,
  ConstantOfShape: constantOfShape,
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: (reader) => {
    const integers = reader.known(0).type === "int";
    return binary((a, b) => integers ? Math.trunc(a / b) : a / b)(reader);
  },
  Mod: binary((a, b) => a - Math.floor(a / b) * b),
  Pow: binary((a, b) => a ** b),
  Min: variadic(Math.min),
  Max: variadic(Math.max),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Round: unary(roundEven),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Reciprocal: unary((x) => 1 / x),
  Not: unary((x) => x === 0 ? 1 : 0),
  And: truth((a, b) => a !== 0 && b !== 0),
  Or: truth((a, b) => a !== 0 || b !== 0),
  Equal: truth((a, b) => a === b),
  Less: truth((a, b) => a < b),
  LessOrEqual: truth((a, b) => a <= b),
  Greater: truth((a, b) => a > b),
  GreaterOrEqual: truth((a, b) => a >= b),
  ReduceSum: reduction(0, (a, b) => a + b),
  ReduceProd: reduction(1, (a, b) => a * b),
  ReduceMin: reduction(Infinity, Math.min),
  ReduceMax: reduction(-Infinity, Math.max),
};

/** A node without inputs that holds a value. */
export function constantNode(reader: NodeReader): HostItem {
  for (const [name, attribute] of reader.node.attributes) {
    switch (attribute.kind) {
      case "tensor":
        // Known by the name of the node's output, as the file's other tensors are by theirs.
        return reader.model.tensorItem({ ...attribute.value, name: reader.node.outputs[0] ?? "" });
      case "int":
        return hostItem({ ...hostInts([Number(attribute.value)]), shape: [] });
      case "ints":
        return hostItem(hostInts(attribute.value.map(Number)));
      case "float":
        return hostItem({ type: "float", shape: [], data: Float64Array.of(attribute.value) });
      case "floats": {
        const data = Float64Array.from(attribute.value);
        return hostItem({ type: "float", shape: [data.length], data });
      }
      default:
        throw new UnsupportedNode(`its ${name} is no dense tensor of numbers`);
    }
  }
  throw new UnsupportedNode("it has no value");
}
