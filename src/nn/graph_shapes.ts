/** The shape of what each operator computes, at a given batch and image size. */

import type { Operator, Pair, Sides } from "./graph.ts";

/** Shapes do not fit an operator; the message says which and why. */
export class ShapeError extends RangeError {}

type Shape = readonly number[];

const text = (shape: Shape) => `[${shape.join(", ")}]`;

function expect(condition: boolean, found: string, expected: string): void {
  if (!condition) throw new ShapeError(`found ${found}, expected ${expected}`);
}

/** The shape that NumPy broadcasts all of `shapes` to. */
export function broadcastShape(...shapes: readonly Shape[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, i) => {
    const extents = shapes.map((shape) => shape[shape.length - rank + i] ?? 1);
    const extent = extents.find((each) => each !== 1) ?? 1;
    expect(
      extents.every((each) => each === 1 || each === extent),
      `shapes ${shapes.map(text).join(" and ")}`,
      "shapes that broadcast",
    );
    return extent;
  });
}

/** A window that moves over H and W. */
export interface Window {
  readonly window: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly pads: Sides;
  readonly ceil?: boolean;
}

/**
 * Positions of a window along H (`axis` 0) or W (1). With `ceil` PyTorch's rule holds: a window that
 * would start in the padding behind the image is dropped.
 */
export function windowPositions(extent: number, axis: 0 | 1, w: Window): number {
  const [before, after] = [w.pads[axis]!, w.pads[axis + 2]!];
  const reach = w.dilations[axis] * (w.window[axis] - 1) + 1;
  const steps = (extent + before + after - reach) / w.strides[axis];
  if (!w.ceil) return Math.floor(steps) + 1;
  const positions = Math.ceil(steps) + 1;
  return (positions - 1) * w.strides[axis] >= extent + before ? positions - 1 : positions;
}

function windowed(x: Shape, channels: number, w: Window): number[] {
  const height = windowPositions(x[2]!, 0, w);
  const width = windowPositions(x[3]!, 1, w);
  expect(
    height >= 1 && width >= 1,
    `an image of ${x[2]}x${x[3]} pixels`,
    `at least one position of a ${w.window.join("x")} window`,
  );
  return [x[0]!, channels, height, width];
}

const product = (shape: Shape) => shape.reduce((total, extent) => total * extent, 1);

/** The shape of an operator's output. Throws {@linkcode ShapeError} where its inputs do not fit. */
export function outputShape(operator: Operator, inputs: readonly Shape[]): number[] {
  const x = inputs[0] ?? [];
  const rank = x.length;
  const other = inputs[1] ?? [];
  const channelTensor = (index: number, extent: number) => {
    const shape = inputs[index];
    expect(
      shape === undefined || (shape.length === 1 && shape[0] === extent),
      `input ${index} of shape ${text(shape ?? [])}`,
      text([extent]),
    );
  };
  switch (operator.kind) {
    case "convolution": {
      expect(rank === 4 && other.length === 4, `shapes ${text(x)} and ${text(other)}`, "4 and 4");
      const { groups } = operator;
      const [outChannels, perGroup, height, width] = other as [number, number, number, number];
      expect(
        x[1] === perGroup * groups && outChannels % groups === 0,
        `${x[1]} channels, weights ${text(other)} and ${groups} groups`,
        "channels that fit",
      );
      channelTensor(2, outChannels);
      return windowed(x, outChannels, { ...operator, window: [height, width] });
    }
    case "norm":
      expect(rank >= 2, `shape ${text(x)}`, "at least two dimensions");
      for (const index of [1, 2, 3, 4]) channelTensor(index, x[1]!);
      return [...x];
    case "instanceNorm":
      expect(rank >= 3, `shape ${text(x)}`, "at least three dimensions");
      for (const index of [1, 2]) channelTensor(index, x[1]!);
      return [...x];
    case "element":
    case "softmax":
    case "dropout":
      return [...x];
    case "prelu": {
      const shape = broadcastShape(x, other);
      expect(text(shape) === text(x), `slopes ${text(other)} for ${text(x)}`, "fewer dimensions");
      return shape;
    }
    case "layerNorm":
      for (const scale of inputs.slice(1)) {
        expect(
          text(broadcastShape(scale, x.slice(operator.axis))) === text(x.slice(operator.axis)),
          `scale ${text(scale)} for ${text(x)}`,
          text(x.slice(operator.axis)),
        );
      }
      return [...x];
    case "binary":
      return broadcastShape(...inputs);
    case "pool":
      expect(rank === 4, `shape ${text(x)}`, "four dimensions");
      return windowed(x, x[1]!, operator);
    case "adaptivePool":
      expect(rank === 4, `shape ${text(x)}`, "four dimensions");
      return [x[0]!, x[1]!, ...operator.size];
    case "reduce":
      return operator.keep
        ? x.map((extent, i) => operator.axes.includes(i) ? 1 : extent)
        : x.filter((_, i) => !operator.axes.includes(i));
    case "concat": {
      const { axis } = operator;
      for (const shape of inputs) {
        expect(
          shape.length === rank && shape.every((extent, i) => i === axis || extent === x[i]),
          `shapes ${inputs.map(text).join(", ")}`,
          `shapes that differ in dimension ${axis} only`,
        );
      }
      const total = inputs.reduce((sum, shape) => sum + shape[axis]!, 0);
      return x.map((extent, i) => i === axis ? total : extent);
    }
    case "slice":
      return x.map((extent, i) => {
        const range = operator.ranges[i]!;
        return range === "all" ? extent : range.count;
      });
    case "pad":
      return x.map((extent, i) => {
        const [before, after] = [operator.before[i]!, operator.after[i]!];
        expect(
          operator.mode === "constant" ||
            Math.max(before, after) < extent + (operator.mode === "edge" ? Infinity : 0),
          `${operator.mode} padding of ${before} and ${after} around ${extent}`,
          "less than the extent",
        );
        return extent + before + after;
      });
    case "linear": {
      const [outputs, channels] = operator.transposed ? [other[1], other[0]] : other;
      expect(
        rank >= 1 && other.length === 2 && x.at(-1) === channels,
        `shapes ${text(x)} and ${text(other)}`,
        "equal inner extents",
      );
      channelTensor(2, outputs!);
      return [...x.slice(0, -1), outputs!];
    }
    case "matmul":
      expect(
        rank >= 2 && other.length >= 2 && x.at(-1) === other.at(-2),
        `shapes ${text(x)} and ${text(other)}`,
        "equal inner extents",
      );
      return [...broadcastShape(x.slice(0, -2), other.slice(0, -2)), x.at(-2)!, other.at(-1)!];
    case "transpose":
      expect(
        operator.permutation.length === rank,
        `a permutation of ${operator.permutation.length} for ${text(x)}`,
        "one number a dimension",
      );
      return operator.permutation.map((from) => x[from]!);
    case "reshape": {
      const shape = operator.shape.map((extent) => extent === "N" ? NaN : extent);
      expect(
        product(shape) === product(x),
        `shape [${operator.shape.join(", ")}] for ${text(x)}`,
        "as many elements",
      );
      return shape;
    }
    case "expand":
      return broadcastShape(x, operator.shape.map((extent) => extent === "N" ? NaN : extent));
  }
}
