/** Every operator of a graph on the GPU, with its gradients, against the float64 interpreter. */

import assert from "node:assert/strict";
import type { ElementFunction, Operator } from "../../src/nn/graph.ts";
import { recordOperator } from "../../src/nn/graph_record.ts";
import { apply } from "../reference/network.ts";
import { normalValues, uniformValues } from "../reference/values.ts";
import { checkOperation } from "../tensor/check_operation.ts";
import { evaluate, type Input } from "../tensor/record.ts";

const SEED = 20_261_130;

const size = (shape: readonly number[]) => shape.reduce((product, extent) => product * extent, 1);

interface Case {
  readonly operator: Operator;
  readonly shapes: readonly (readonly number[])[];
  /** Where inputs must be positive or otherwise bounded: smallest and largest value. */
  readonly between?: readonly [number, number];
  /** Inputs whose gradient is compared; by default all. */
  readonly sources?: readonly number[];
  readonly tolerance?: number;
}

const window = (
  window: [number, number],
  strides: [number, number],
  pads: [number, number, number, number],
  dilations: [number, number] = [1, 1],
) => ({ window, strides, pads, dilations });

const convolution = (
  strides: [number, number],
  dilations: [number, number],
  pads: [number, number, number, number],
  groups: number,
): Operator => ({ kind: "convolution", strides, dilations, pads, groups });

const binary = (name: (Operator & { kind: "binary" })["function"]): Operator => ({
  kind: "binary",
  function: name,
});

/** Shapes are odd where they can be, so that no extent stands for another. */
const CASES: readonly Case[] = [
  // Plain with bias, then what only the general kernels do.
  {
    operator: convolution([1, 1], [1, 1], [1, 1, 1, 1], 1),
    shapes: [[2, 3, 5, 4], [4, 3, 3, 3], [4]],
  },
  {
    operator: convolution([2, 1], [1, 1], [2, 1, 2, 1], 1),
    shapes: [[2, 3, 7, 6], [5, 3, 5, 3], [5]],
  },
  { operator: convolution([1, 1], [2, 3], [2, 0, 1, 3], 1), shapes: [[1, 2, 6, 9], [3, 2, 3, 3]] },
  {
    operator: convolution([1, 2], [1, 1], [1, 1, 1, 1], 4),
    shapes: [[2, 8, 5, 6], [12, 2, 3, 3], [12]],
  },
  {
    operator: convolution([1, 1], [1, 1], [1, 1, 1, 1], 6),
    shapes: [[2, 6, 5, 7], [6, 1, 3, 3], [6]],
  },
  { operator: convolution([2, 2], [1, 1], [0, 1, 1, 0], 3), shapes: [[2, 3, 6, 5], [6, 1, 5, 3]] },
  {
    operator: convolution([2, 2], [1, 1], [0, 0, 0, 0], 1),
    shapes: [[2, 3, 6, 8], [4, 3, 2, 2], [4]],
  },
  {
    operator: { kind: "norm", epsilon: 1e-3, momentum: 0.01 },
    shapes: [[3, 4, 3, 5], [4], [4], [4], [4]],
    between: [0.2, 1.2],
    sources: [0, 1, 2],
  },
  {
    operator: { kind: "norm", epsilon: 1e-5, momentum: 0.1 },
    shapes: [[3, 4], [4], [4], [4], [4]],
    between: [0.2, 1.2],
    sources: [0, 1, 2],
  },
  { operator: { kind: "prelu" }, shapes: [[2, 3, 4, 5], [3, 1, 1]] },
  { operator: binary("add"), shapes: [[2, 3, 4, 5], [3, 1, 1]] },
  { operator: binary("subtract"), shapes: [[3, 1, 1], [2, 3, 4, 5]] },
  { operator: binary("multiply"), shapes: [[2, 3, 4, 5], [2, 3, 1, 1]] },
  { operator: binary("multiply"), shapes: [[2, 3], [2, 3]] },
  { operator: binary("multiply"), shapes: [[4, 1, 3], [5, 1]] },
  { operator: binary("divide"), shapes: [[2, 3, 4], [4]], between: [0.5, 2] },
  { operator: binary("divide"), shapes: [[2, 3, 4], []], between: [0.5, 2] },
  { operator: binary("power"), shapes: [[2, 3], [3]], between: [0.5, 2] },
  { operator: binary("minimum"), shapes: [[4, 5], [5]] },
  { operator: binary("maximum"), shapes: [[4, 5], [4, 1]] },
  {
    operator: {
      kind: "pool",
      reduction: "max",
      ...window([3, 2], [2, 1], [1, 1, 0, 1]),
      ceil: false,
      countPads: false,
    },
    shapes: [[2, 3, 7, 6]],
  },
  {
    operator: {
      kind: "pool",
      reduction: "max",
      ...window([3, 3], [2, 2], [0, 0, 0, 0]),
      ceil: true,
      countPads: false,
    },
    shapes: [[1, 2, 8, 6]],
  },
  {
    operator: {
      kind: "pool",
      reduction: "max",
      ...window([2, 2], [1, 1], [0, 0, 0, 0], [2, 2]),
      ceil: false,
      countPads: false,
    },
    shapes: [[1, 2, 5, 6]],
  },
  {
    operator: {
      kind: "pool",
      reduction: "mean",
      ...window([3, 3], [2, 2], [1, 1, 1, 1]),
      ceil: false,
      countPads: false,
    },
    shapes: [[1, 2, 7, 6]],
  },
  {
    operator: {
      kind: "pool",
      reduction: "mean",
      ...window([3, 3], [1, 1], [1, 1, 1, 1]),
      ceil: false,
      countPads: true,
    },
    shapes: [[1, 2, 5, 4]],
  },
  {
    operator: {
      kind: "pool",
      reduction: "mean",
      ...window([3, 2], [2, 2], [1, 0, 1, 0]),
      ceil: true,
      countPads: true,
    },
    shapes: [[1, 2, 8, 7]],
  },
  { operator: { kind: "adaptivePool", size: [7, 3] }, shapes: [[2, 2, 1, 5]] },
  {
    operator: { kind: "reduce", function: "mean", axes: [2, 3], keep: true },
    shapes: [[2, 3, 4, 5]],
  },
  {
    operator: { kind: "reduce", function: "mean", axes: [2, 3], keep: false },
    shapes: [[2, 3, 4, 5]],
  },
  {
    operator: { kind: "reduce", function: "sum", axes: [0, 2], keep: false },
    shapes: [[9, 3, 8, 2]],
  },
  { operator: { kind: "reduce", function: "mean", axes: [1], keep: true }, shapes: [[2, 5, 3]] },
  {
    operator: { kind: "reduce", function: "max", axes: [2, 3], keep: true },
    shapes: [[2, 3, 4, 5]],
  },
  { operator: { kind: "reduce", function: "min", axes: [0], keep: false }, shapes: [[4, 3]] },
  { operator: { kind: "concat", axis: 1 }, shapes: [[2, 3, 2, 2], [2, 1, 2, 2], [2, 4, 2, 2]] },
  { operator: { kind: "concat", axis: 2 }, shapes: [[2, 3, 1], [2, 3, 5]] },
  {
    operator: {
      kind: "slice",
      ranges: ["all", { start: 4, count: 2, step: -2 }, { start: 1, count: 2, step: 3 }],
    },
    shapes: [[2, 6, 5]],
  },
  {
    operator: {
      kind: "pad",
      mode: "constant",
      before: [0, 0, 1, 2],
      after: [0, 1, 0, 3],
      value: 0.5,
    },
    shapes: [[2, 2, 3, 4]],
  },
  {
    operator: { kind: "pad", mode: "reflect", before: [0, 0, 1, 2], after: [0, 0, 2, 3], value: 0 },
    shapes: [[1, 2, 3, 5]],
  },
  {
    operator: { kind: "pad", mode: "edge", before: [0, 0, 1, 2], after: [0, 0, 2, 0], value: 0 },
    shapes: [[1, 2, 3, 5]],
  },
  { operator: { kind: "linear", transposed: false }, shapes: [[5, 7], [6, 7], [6]] },
  { operator: { kind: "linear", transposed: true }, shapes: [[2, 3, 7], [7, 9]] },
  { operator: { kind: "matmul" }, shapes: [[2, 3, 5], [2, 5, 6]] },
  { operator: { kind: "matmul" }, shapes: [[3, 5], [2, 5, 6]] },
  { operator: { kind: "transpose", permutation: [0, 2, 3, 1] }, shapes: [[2, 3, 4, 5]] },
  { operator: { kind: "expand", shape: [2, 3, 4] }, shapes: [[3, 1]] },
  { operator: { kind: "expand", shape: [2, 1, 4] }, shapes: [[3, 1]] },
  { operator: { kind: "softmax", axis: 1, log: false }, shapes: [[3, 7]] },
  { operator: { kind: "softmax", axis: 1, log: true }, shapes: [[3, 7]] },
  { operator: { kind: "softmax", axis: 1, log: false }, shapes: [[2, 5, 3]] },
  {
    operator: { kind: "layerNorm", axis: 2, epsilon: 1e-6 },
    shapes: [[2, 3, 70], [70], [70]],
    tolerance: 3e-5,
  },
  { operator: { kind: "instanceNorm", epsilon: 1e-5 }, shapes: [[2, 3, 4, 5], [3], [3]] },
];

const FUNCTIONS: readonly ElementFunction[] = [
  { name: "relu" },
  { name: "clip", minimum: -0.5, maximum: 1 },
  { name: "clip", minimum: -Infinity, maximum: 1 },
  { name: "leakyRelu", slope: 0.1 },
  { name: "elu", alpha: 1.5 },
  { name: "selu", alpha: 1.673, gamma: 1.05 },
  { name: "hardSigmoid", alpha: 1 / 6, beta: 0.5 },
  ...(["hardSwish", "sigmoid", "silu", "gelu", "tanh", "erf", "exp", "abs"] as const).map((
    name,
  ) => ({
    name,
  })),
  { name: "negate" },
  { name: "softplus" },
  { name: "softsign" },
];

function inputs({ shapes, between }: Case): Input[] {
  return shapes.map((shape, i) => ({
    shape,
    values: between
      ? uniformValues(size(shape), between[0], between[1], SEED + i)
      : normalValues(size(shape), SEED + i),
  }));
}

function check(each: Case, training: boolean): Promise<void> {
  return checkOperation({
    inputs: inputs(each),
    operation: (tape, ...tensors) =>
      recordOperator(tape, each.operator, tensors, {
        mode: training ? "training" : "evaluation",
        seed: 0,
      }),
    reference: (...values) =>
      apply(
        each.operator,
        values.map((data, i) => ({ shape: each.shapes[i]!, data })),
        training,
      ).data,
    ...each.sources && { sources: each.sources },
    ...each.tolerance && { tolerance: each.tolerance },
  });
}

for (const each of CASES) {
  const { kind, ...settings } = each.operator;
  const where = each.shapes.map((shape) => `[${shape}]`).join(" ");
  Deno.test(`${kind} ${JSON.stringify(settings)} of ${where} matches the float64 interpreter`, async () => {
    await check(each, false);
    if (kind === "norm") await check({ ...each, tolerance: 1e-4 }, true);
  });
}

for (const f of FUNCTIONS) {
  Deno.test(`The function ${JSON.stringify(f)} and its derivative match the float64 interpreter`, async () => {
    const operator: Operator = { kind: "element", function: f };
    const shapes = [[3, 37]];
    await check({ operator, shapes }, false);
    await check({ operator, shapes, between: [-7, 7] }, false);
  });
}

for (const name of ["log", "sqrt", "reciprocal"] as const) {
  Deno.test(`The function ${name} and its derivative match the float64 interpreter`, async () => {
    const operator: Operator = { kind: "element", function: { name } };
    await check({ operator, shapes: [[3, 37]], between: [0.3, 3] }, false);
  });
}

Deno.test("Powers of negative numbers by whole exponents have the right sign", async () => {
  const base = { shape: [7], values: Float32Array.of(-2, -2, -2, 3, -1, 2, -2) };
  const exponent = { shape: [7], values: Float32Array.of(3, 2, -1, 2, 5, 0, 0.5) };
  const { outputs } = await evaluate([base, exponent], (tape, a, b) => [
    recordOperator(tape, binary("power"), [a!, b!], { mode: "evaluation", seed: 0 }),
  ]);
  const found = [...outputs[0]!];
  assert.ok(Number.isNaN(found[6]!), `${found[6]}, expected no number`);
  for (const [i, expected] of [-8, 4, -0.5, 9, -1, 1].entries()) {
    assert.ok(Math.abs(found[i]! - expected) < 1e-4 * Math.abs(expected), `${found} at ${i}`);
  }
});

Deno.test("dropout drops its share, scales the rest, and repeats itself", async () => {
  const x = { shape: [4, 2500], values: uniformValues(10_000, 1, 2, SEED) };
  const operator: Operator = { kind: "dropout", ratio: 0.25 };
  const record = (seed: number) =>
    evaluate([x], (tape, input) => {
      const idle = recordOperator(tape, operator, [input!], { mode: "evaluation", seed });
      assert.equal(idle, input);
      return [recordOperator(tape, operator, [input!], { mode: "training", seed })];
    });
  const [first, again, other] = [
    (await record(1)).outputs[0]!,
    (await record(1)).outputs[0]!,
    (await record(2)).outputs[0]!,
  ];
  assert.deepEqual(first, again);
  const dropped = first.filter((value) => value === 0).length;
  // Four standard deviations of a binomial distribution.
  assert.ok(Math.abs(dropped - 2500) < 4 * Math.sqrt(10_000 * 0.25 * 0.75), `${dropped} dropped`);
  for (const [i, value] of first.entries()) {
    if (value !== 0) assert.ok(Math.abs(value - x.values[i]! / 0.75) < 1e-5);
  }
  const both = first.filter((value, i) => value === 0 && other[i] === 0).length;
  assert.ok(Math.abs(both - 625) < 4 * Math.sqrt(625), `${both} dropped by both seeds`);
});
