/**
 * A slow and obvious interpreter of graphs in float64: every operator as loops over indices, with no
 * regard for speed. It says what a graph means, for whatever runs one fast.
 */

import type { ElementFunction, Extent, Graph, GraphNode, Operator } from "../../src/nn/graph.ts";
import { outputShape } from "../../src/nn/graph_shapes.ts";

/** A dense array in C order. */
export interface Dense {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** Statistics of a batch that a norm has met in training mode. */
export interface BatchStatistics {
  readonly mean: Float64Array;
  /** Biased. */
  readonly variance: Float64Array;
  readonly count: number;
}

const size = (shape: readonly number[]) => shape.reduce((product, extent) => product * extent, 1);

function strides(shape: readonly number[]): number[] {
  const result: number[] = [];
  let stride = 1;
  for (const extent of shape.toReversed()) {
    result.unshift(stride);
    stride *= extent;
  }
  return result;
}

/** All indices of a shape, in C order; the array is reused. */
function* indices(shape: readonly number[]): Iterable<number[]> {
  const index = shape.map(() => 0);
  for (let i = size(shape); i > 0; i--) {
    yield index;
    for (let d = shape.length - 1; d >= 0 && ++index[d]! === shape[d]; d--) index[d] = 0;
  }
}

/** A new array with `element` at every index. */
function filled(
  shape: readonly number[],
  element: (index: readonly number[]) => number,
): Dense {
  const data = new Float64Array(size(shape));
  let i = 0;
  for (const index of indices(shape)) data[i++] = element(index);
  return { shape, data };
}

/** Reads x as if broadcast to more dimensions. */
function broadcast(x: Dense): (index: readonly number[]) => number {
  const own = strides(x.shape).map((stride, i) => x.shape[i] === 1 ? 0 : stride);
  return (index) => {
    let at = 0;
    for (let i = 0; i < own.length; i++) at += own[i]! * index[index.length - own.length + i]!;
    return x.data[at]!;
  };
}

/** Abramowitz & Stegun 7.1.5 and a continued fraction: erf to about 1e-15. */
export function erf(x: number): number {
  if (Math.abs(x) > 3) {
    let fraction = 0;
    for (let k = 60; k > 0; k--) fraction = (k / 2) / (Math.abs(x) + fraction);
    const rest = Math.exp(-x * x) / Math.sqrt(Math.PI) / (Math.abs(x) + fraction);
    return Math.sign(x) * (1 - rest);
  }
  let term = x;
  let sum = x;
  for (let k = 1; k < 80; k++) {
    term *= -x * x / k;
    sum += term / (2 * k + 1);
  }
  return 2 / Math.sqrt(Math.PI) * sum;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** The function of one number. */
export function elementFunction(f: ElementFunction): (x: number) => number {
  switch (f.name) {
    case "relu":
      return (x) => Math.max(x, 0);
    case "clip":
      return (x) => Math.min(Math.max(x, f.minimum), f.maximum);
    case "leakyRelu":
      return (x) => x >= 0 ? x : f.slope * x;
    case "elu":
      return (x) => x >= 0 ? x : f.alpha * Math.expm1(x);
    case "selu":
      return (x) => f.gamma * (x > 0 ? x : f.alpha * Math.expm1(x));
    case "hardSigmoid":
      return (x) => Math.min(Math.max(f.alpha * x + f.beta, 0), 1);
    case "hardSwish":
      return (x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1);
    case "sigmoid":
      return sigmoid;
    case "silu":
      return (x) => x * sigmoid(x);
    case "gelu":
      return (x) => x * 0.5 * (1 + erf(x / Math.SQRT2));
    case "tanh":
      return Math.tanh;
    case "erf":
      return erf;
    case "exp":
      return Math.exp;
    case "log":
      return Math.log;
    case "sqrt":
      return Math.sqrt;
    case "abs":
      return Math.abs;
    case "negate":
      return (x) => -x;
    case "reciprocal":
      return (x) => 1 / x;
    case "softplus":
      return (x) => x > 30 ? x : Math.log1p(Math.exp(x));
    case "softsign":
      return (x) => x / (1 + Math.abs(x));
  }
}

const BINARY = {
  add: (a: number, b: number) => a + b,
  subtract: (a: number, b: number) => a - b,
  multiply: (a: number, b: number) => a * b,
  divide: (a: number, b: number) => a / b,
  power: (a: number, b: number) => a ** b,
  minimum: Math.min,
  maximum: Math.max,
};

const REDUCE = {
  mean: { start: 0, step: (a: number, b: number) => a + b },
  sum: { start: 0, step: (a: number, b: number) => a + b },
  max: { start: -Infinity, step: Math.max },
  min: { start: Infinity, step: Math.min },
};

function convolution(
  op: Operator & { kind: "convolution" },
  shape: readonly number[],
  [x, w, b]: readonly Dense[],
): Dense {
  const [, channels, height, width] = x!.shape as [number, number, number, number];
  const [outputs, perGroup, rows, columns] = w!.shape as [number, number, number, number];
  const groupOutputs = outputs / op.groups;
  const [, , outHeight, outWidth] = shape as [number, number, number, number];
  const data = new Float64Array(size(shape));
  let at = 0;
  for (let n = 0; n < shape[0]!; n++) {
    for (let k = 0; k < outputs; k++) {
      const first = Math.floor(k / groupOutputs) * perGroup;
      for (let oy = 0; oy < outHeight; oy++) {
        for (let ox = 0; ox < outWidth; ox++) {
          let sum = b?.data[k] ?? 0;
          for (let r = 0; r < rows; r++) {
            const y = oy * op.strides[0] + r * op.dilations[0] - op.pads[0];
            if (y < 0 || y >= height) continue;
            for (let s = 0; s < columns; s++) {
              const z = ox * op.strides[1] + s * op.dilations[1] - op.pads[1];
              if (z < 0 || z >= width) continue;
              let i = ((n * channels + first) * height + y) * width + z;
              let j = (k * perGroup * rows + r) * columns + s;
              for (let c = 0; c < perGroup; c++, i += height * width, j += rows * columns) {
                sum += x!.data[i]! * w!.data[j]!;
              }
            }
          }
          data[at++] = sum;
        }
      }
    }
  }
  return { shape, data };
}

function pool(op: Operator & { kind: "pool" }, shape: readonly number[], x: Dense): Dense {
  const [, channels, height, width] = x.shape as [number, number, number, number];
  return filled(shape, ([n, c, oy, ox]) => {
    let [sum, most, count] = [0, -Infinity, 0];
    for (let r = 0; r < op.window[0]; r++) {
      const y = oy! * op.strides[0] + r * op.dilations[0] - op.pads[0];
      for (let s = 0; s < op.window[1]; s++) {
        const z = ox! * op.strides[1] + s * op.dilations[1] - op.pads[1];
        const inside = y >= 0 && y < height && z >= 0 && z < width;
        // Padding counts as far as it was asked for; what `ceil` adds beyond it never does.
        if (inside || (op.countPads && y < height + op.pads[2] && z < width + op.pads[3])) count++;
        if (!inside) continue;
        const value = x.data[((n! * channels + c!) * height + y) * width + z]!;
        sum += value;
        most = Math.max(most, value);
      }
    }
    return op.reduction === "max" ? most : sum / count;
  });
}

function adaptivePool(shape: readonly number[], x: Dense): Dense {
  const [, channels, height, width] = x.shape as [number, number, number, number];
  const [, , outHeight, outWidth] = shape as [number, number, number, number];
  return filled(shape, ([n, c, oy, ox]) => {
    let [sum, count] = [0, 0];
    for (let y = Math.floor(oy! * height / outHeight); y < (oy! + 1) * height / outHeight; y++) {
      for (let z = Math.floor(ox! * width / outWidth); z < (ox! + 1) * width / outWidth; z++) {
        sum += x.data[((n! * channels + c!) * height + y) * width + z]!;
        count++;
      }
    }
    return sum / count;
  });
}

/** Means and variances of x over all dimensions but those that `group` keeps. */
function moments(x: Dense, groups: number, group: (index: readonly number[]) => number) {
  const mean = new Float64Array(groups);
  const variance = new Float64Array(groups);
  const count = x.data.length / groups;
  let i = 0;
  for (const index of indices(x.shape)) mean[group(index)]! += x.data[i++]! / count;
  i = 0;
  for (const index of indices(x.shape)) {
    variance[group(index)]! += (x.data[i++]! - mean[group(index)]!) ** 2 / count;
  }
  return { mean, variance, count };
}

function reduce(op: Operator & { kind: "reduce" }, shape: readonly number[], x: Dense): Dense {
  const kept = x.shape.map((extent, i) => op.axes.includes(i) ? 1 : extent);
  const { start, step } = REDUCE[op.function];
  const data = new Float64Array(size(kept)).fill(start);
  const own = strides(kept).map((stride, i) => op.axes.includes(i) ? 0 : stride);
  let i = 0;
  for (const index of indices(x.shape)) {
    const at = own.reduce((sum, stride, d) => sum + stride * index[d]!, 0);
    data[at] = step(data[at]!, x.data[i++]!);
  }
  const count = x.data.length / data.length;
  return { shape, data: op.function === "mean" ? data.map((sum) => sum / count) : data };
}

function softmax(op: Operator & { kind: "softmax" }, x: Dense): Dense {
  const extent = x.shape[op.axis]!;
  const stride = strides(x.shape)[op.axis]!;
  const data = new Float64Array(x.data.length);
  for (let i = 0; i < data.length; i++) {
    const first = i - (Math.floor(i / stride) % extent) * stride;
    let most = -Infinity;
    for (let j = 0; j < extent; j++) most = Math.max(most, x.data[first + j * stride]!);
    let sum = 0;
    for (let j = 0; j < extent; j++) sum += Math.exp(x.data[first + j * stride]! - most);
    const log = x.data[i]! - most - Math.log(sum);
    data[i] = op.log ? log : Math.exp(log);
  }
  return { shape: x.shape, data };
}

function matmul(shape: readonly number[], [a, b]: readonly Dense[]): Dense {
  const inner = a!.shape.at(-1)!;
  const [left, right] = [broadcast(a!), broadcast(b!)];
  return filled(shape, (index) => {
    const batch = index.slice(0, -2);
    const [row, column] = index.slice(-2);
    let sum = 0;
    for (let i = 0; i < inner; i++) {
      sum += left([...batch, row!, i]) * right([...batch, i, column!]);
    }
    return sum;
  });
}

/** One operator on its inputs. `noteBatch` sees the statistics of norms in training mode. */
export function apply(
  op: Operator,
  inputs: readonly Dense[],
  training: boolean,
  noteBatch: (statistics: BatchStatistics) => void = () => {},
): Dense {
  const shape = outputShape(op, inputs.map((input) => input.shape));
  const [x, second, third] = inputs as [Dense, Dense, Dense];
  switch (op.kind) {
    case "convolution":
      return convolution(op, shape, inputs);
    case "pool":
      return pool(op, shape, x);
    case "adaptivePool":
      return adaptivePool(shape, x);
    case "norm": {
      const batch = training ? moments(x, x.shape[1]!, (index) => index[1]!) : undefined;
      if (batch) noteBatch(batch);
      const mean = batch?.mean ?? inputs[3]!.data;
      const variance = batch?.variance ?? inputs[4]!.data;
      let i = 0;
      return filled(
        shape,
        ([, c]) =>
          (x.data[i++]! - mean[c!]!) / Math.sqrt(variance[c!]! + op.epsilon) * second.data[c!]! +
          third.data[c!]!,
      );
    }
    case "instanceNorm": {
      const channels = x.shape[1]!;
      const plane = (index: readonly number[]) => index[0]! * channels + index[1]!;
      const { mean, variance } = moments(x, x.shape[0]! * channels, plane);
      let i = 0;
      return filled(
        shape,
        (index) =>
          (x.data[i++]! - mean[plane(index)]!) / Math.sqrt(variance[plane(index)]! + op.epsilon) *
            second.data[index[1]!]! + third.data[index[1]!]!,
      );
    }
    case "layerNorm": {
      const rows = size(x.shape.slice(0, op.axis));
      const outer = strides([...x.shape.slice(0, op.axis)]);
      const row = (index: readonly number[]) =>
        outer.reduce((at, stride, i) => at + stride * index[i]!, 0);
      const { mean, variance } = moments(x, rows, row);
      const gamma = broadcast(second);
      const beta = inputs[2] ? broadcast(third) : () => 0;
      let i = 0;
      return filled(shape, (index) => {
        const r = row(index);
        const z = (x.data[i++]! - mean[r]!) / Math.sqrt(variance[r]! + op.epsilon);
        return z * gamma(index) + beta(index);
      });
    }
    case "element":
      return { shape, data: x.data.map(elementFunction(op.function)) };
    case "prelu": {
      const slope = broadcast(second);
      let i = 0;
      return filled(shape, (index) => {
        const value = x.data[i++]!;
        return value > 0 ? value : value * slope(index);
      });
    }
    case "binary": {
      const [a, b] = [broadcast(x), broadcast(second)];
      const f = BINARY[op.function];
      return filled(shape, (index) => f(a(index), b(index)));
    }
    case "reduce":
      return reduce(op, shape, x);
    case "concat": {
      const starts: number[] = [];
      let start = 0;
      for (const input of inputs) {
        starts.push(start);
        start += input.shape[op.axis]!;
      }
      const readers = inputs.map(broadcastless);
      return filled(shape, (index) => {
        const which = starts.findLastIndex((each, i) =>
          each <= index[op.axis]! && inputs[i]!.shape[op.axis]! > 0
        );
        return readers[which]!(
          index.map((each, i) => i === op.axis ? each - starts[which]! : each),
        );
      });
    }
    case "slice": {
      const read = broadcastless(x);
      return filled(shape, (index) =>
        read(index.map((each, i) => {
          const range = op.ranges[i]!;
          return range === "all" ? each : range.start + range.step * each;
        })));
    }
    case "pad": {
      const read = broadcastless(x);
      return filled(shape, (index) => {
        const from = index.map((each, i) => {
          const extent = x.shape[i]!;
          const at = each - op.before[i]!;
          if (at >= 0 && at < extent) return at;
          if (op.mode === "constant") return -1;
          if (op.mode === "edge") return Math.min(Math.max(at, 0), extent - 1);
          return at < 0 ? -at : 2 * (extent - 1) - at;
        });
        return from.includes(-1) ? op.value : read(from);
      });
    }
    case "linear": {
      const w = op.transposed ? second : apply(
        { kind: "transpose", permutation: [1, 0] },
        [second],
        training,
      );
      const rows = size(x.shape.slice(0, -1));
      const matrix = { shape: [rows, x.shape.at(-1)!], data: x.data };
      const y = matmul([rows, w.shape[1]!], [matrix, w]).data;
      const bias = inputs[2]?.data;
      return { shape, data: bias ? y.map((value, i) => value + bias[i % bias.length]!) : y };
    }
    case "matmul":
      return matmul(shape, inputs);
    case "transpose": {
      const read = broadcastless(x);
      const from = x.shape.map((_, i) => op.permutation.indexOf(i));
      return filled(shape, (index) => read(from.map((i) => index[i]!)));
    }
    case "reshape":
      return { shape, data: x.data };
    case "expand":
      return filled(shape, broadcast(x));
    case "softmax":
      return softmax(op, x);
    case "dropout":
      return x;
  }
}

/** Reads x at an index, extents of 1 like all others. */
function broadcastless(x: Dense): (index: readonly number[]) => number {
  const own = strides(x.shape);
  return (index) => x.data[own.reduce((at, stride, i) => at + stride * index[i]!, 0)]!;
}

/** `operator` for a batch of n images. */
export function withBatch(operator: Operator, n: number): Operator {
  const replace = (shape: readonly Extent[]) => shape.map((extent) => extent === "N" ? n : extent);
  return operator.kind === "reshape" || operator.kind === "expand"
    ? { ...operator, shape: replace(operator.shape) }
    : operator;
}

/** All values of a graph, by index. */
export interface Interpretation {
  readonly values: readonly (Dense | undefined)[];
  /** Of the norms, by the index of their running mean. */
  readonly batches: ReadonlyMap<number, BatchStatistics>;
}

/**
 * Runs a graph.
 *
 * @param inputs The values from outside, in the graph's order.
 * @param state The elements of a parameter or statistic.
 */
export function interpret(
  graph: Graph,
  inputs: readonly Dense[],
  state: (name: string) => ArrayLike<number>,
  mode: "training" | "evaluation" = "evaluation",
): Interpretation {
  const values: (Dense | undefined)[] = graph.values.map(({ name, shape, role, data }) => {
    if (role === "data") return undefined;
    return { shape: shape as number[], data: Float64Array.from(data ?? state(name)) };
  });
  for (const [i, value] of graph.inputs.entries()) values[value] = inputs[i];
  const n = inputs[0]?.shape[0] ?? 1;
  const batches = new Map<number, BatchStatistics>();
  for (const node of graph.nodes) {
    const given = node.inputs.map((input) => values[input]!);
    const note = (statistics: BatchStatistics) => batches.set(node.inputs[3]!, statistics);
    try {
      values[node.output] = apply(withBatch(node.operator, n), given, mode === "training", note);
    } catch (error) {
      throw new Error(`${describe(node)}: ${error}`, { cause: error });
    }
  }
  return { values, batches };
}

const describe = (node: GraphNode) => `${node.operator.kind} ${node.name}`;
