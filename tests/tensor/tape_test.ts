import assert from "node:assert/strict";
import { addKernel, reluKernel } from "../../shaders/elementwise.ts";
import { attentionMap } from "../../src/tensor/operations/attention.ts";
import { batchNorm } from "../../src/tensor/operations/batch_norm.ts";
import { convolution } from "../../src/tensor/operations/convolution.ts";
import { add, relu } from "../../src/tensor/operations/elementwise.ts";
import { linear } from "../../src/tensor/operations/linear.ts";
import { mean } from "../../src/tensor/operations/mean.ts";
import { globalPool } from "../../src/tensor/operations/pool.ts";
import { buildProgram } from "../../src/tensor/program.ts";
import { Tape } from "../../src/tensor/tape.ts";
import { locatedTensor, type Tensor } from "../../src/tensor/tensor.ts";
import { gpu } from "../gpu/device.ts";
import { attentionMap as attentionReference } from "../../src/reference/attention.ts";
import { batchNormTraining } from "../../src/reference/batch_norm.ts";
import { assertNear } from "../reference/compare.ts";
import { dot, numericalGradient } from "../reference/finite_differences.ts";
import { relu as reluReference } from "../reference/relu.ts";
import { normalValues } from "../reference/values.ts";
import { evaluate, free, normalInput, upload } from "./record.ts";
import { weightedSum } from "./weighted_sum.ts";

const SHAPE = [2, 3, 4, 5];
const ELEMENTS = 120;
const ATTENTION = { reduction: "sum", power: 2 } as const;
const x = normalInput(SHAPE, 1);
const gamma = normalInput([3], 2);
const beta = normalInput([3], 3);
const statistics = [normalInput([3], 4), { shape: [3], values: new Float32Array(3).fill(1) }];
const weights = [normalValues(40, 5), normalValues(ELEMENTS, 6), normalValues(ELEMENTS, 7)];

/** The weights of the losses of attention, ReLU and batch norm of one and the same x. */
type LossWeights = readonly [attention: number, relu: number, batchNorm: number];

/** The operations in every order leave and find earlier gradients of x in every combination. */
const ORDERS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] as const;

function usesOfX(order: readonly number[], lossWeights: LossWeights) {
  return evaluate([x, gamma, beta, ...statistics], (tape, x, gamma, beta, mean, variance) => {
    const operations: (() => Tensor)[] = [
      () => attentionMap(tape, x!, ATTENTION),
      () => relu(tape, x!),
      () =>
        batchNorm(
          tape,
          x!,
          { gamma: gamma!, beta: beta!, runningMean: mean!, runningVariance: variance! },
          { mode: "training", relu: false },
        ),
    ];
    const losses = order.map((i) => ({
      loss: weightedSum(tape, operations[i]!(), weights[i]!),
      weight: lossWeights[i]!,
    }));
    return tape.gradients(losses, [x!]);
  });
}

function expectedGradient(lossWeights: LossWeights): Float64Array {
  const maps = { n: 2, c: 3, h: 4, w: 5 };
  return numericalGradient(
    (x) =>
      lossWeights[0] *
        dot(
          attentionReference(x, { batch: 2, channels: 3, pixels: 20 }, ATTENTION),
          weights[0]!,
        ) +
      lossWeights[1] * dot(reluReference(x), weights[1]!) +
      lossWeights[2] * dot(batchNormTraining(maps, x, gamma.values, beta.values), weights[2]!),
    [x.values],
    0,
  );
}

for (const order of ORDERS) {
  Deno.test(`gradients() adds up what three uses of a tensor send back, recorded in order ${order}`, async () => {
    const lossWeights = [1, -2, 0.5] as const;
    const { outputs, kernels } = await usesOfX(order, lossWeights);
    assertNear(outputs[0]!, expectedGradient(lossWeights), 2e-5, "gradient");
    // Attention and batch norm take an earlier gradient in; only ReLU needs a kernel that adds.
    const additions = kernels.filter((label) => label === addKernel(ELEMENTS).label).length;
    assert.equal(additions, order[2] === 1 ? 0 : 1);
  });
}

Deno.test("gradients() leaves out losses of weight 0", async () => {
  const { outputs, kernels } = await usesOfX([0, 1, 2], [0, 3, 0]);
  assertNear(outputs[0]!, expectedGradient([0, 3, 0]), 2e-5, "gradient");
  assert.deepEqual(kernels.filter((label) => label.includes("attention")), []);
});

Deno.test("gradients() adds the weights of a loss that is listed twice", async () => {
  const { outputs } = await evaluate([x], (tape, x) => {
    const loss = weightedSum(tape, x!, weights[1]!);
    return tape.gradients([{ loss, weight: 2 }, { loss, weight: 0.5 }], [x!]);
  });
  assertNear(outputs[0]!, weights[1]!.map((weight) => 2.5 * weight), 1e-6, "gradient");
});

Deno.test("gradients() counts a loss that another loss is computed from for both", async () => {
  const { outputs } = await evaluate([x], (tape, x) => {
    const inner = weightedSum(tape, x!, weights[1]!);
    const outer = weightedSum(tape, inner, Float32Array.of(3));
    return tape.gradients([{ loss: inner, weight: 1 }, { loss: outer, weight: 2 }], [x!]);
  });
  assertNear(outputs[0]!, weights[1]!.map((weight) => 7 * weight), 1e-6, "gradient");
});

Deno.test("gradients() reaches tensors between the inputs and the losses", async () => {
  const { outputs } = await evaluate([x, normalInput(SHAPE, 9)], (tape, a, b) => {
    const sum = add(tape, a!, b!);
    const loss = weightedSum(tape, relu(tape, sum), weights[1]!);
    return [sum, ...tape.gradients([{ loss, weight: 1 }], [sum, a!, b!])];
  });
  const [sum, dsum, da, db] = outputs;
  const expected = weights[1]!.map((weight, i) => sum![i]! > 0 ? weight : 0);
  assertNear(dsum!, expected, 1e-6, "gradient of the sum");
  assert.deepEqual(da, dsum);
  assert.deepEqual(db, dsum);
});

Deno.test("gradients() of a tensor added to itself are twice those of the sum", async () => {
  const { outputs } = await evaluate([x], (tape, x) => {
    const loss = weightedSum(tape, add(tape, x!, x!), weights[1]!);
    return tape.gradients([{ loss, weight: 1 }], [x!]);
  });
  assertNear(outputs[0]!, weights[1]!.map((weight) => 2 * weight), 1e-6, "gradient");
});

Deno.test("gradients() of the loss itself is its weight", async () => {
  const { outputs } = await evaluate([x], (tape, x) => {
    const loss = weightedSum(tape, x!, weights[1]!);
    return tape.gradients([{ loss, weight: 2.5 }], [loss]);
  });
  assert.deepEqual([...outputs[0]!], [2.5]);
});

Deno.test("gradients() throws for a loss that is no scalar and for a tensor that no loss needs", async () => {
  await assert.rejects(
    evaluate([x], (tape, x) => tape.gradients([{ loss: relu(tape, x!), weight: 1 }], [x!])),
    new RangeError("cannot differentiate relu of input 0: it is no scalar"),
  );
  const unreached = new RangeError("cannot differentiate: no loss depends on input 1");
  const record = (weight: number, source: number) =>
    evaluate([x, x], (tape, ...tensors) => {
      const loss = weightedSum(tape, tensors[0]!, weights[1]!);
      return tape.gradients([{ loss, weight }], [tensors[source]!]);
    });
  await assert.rejects(record(1, 1), unreached);
  await assert.rejects(record(0, 0), new RangeError(unreached.message.replace("1", "0")));
});

Deno.test("an operation whose gradient nobody wants records no kernel for it", async () => {
  const w = normalInput([4, 3, 3, 3], 10);
  const record = (sources: number[]) =>
    evaluate([x, w], (tape, ...tensors) => {
      const y = convolution(tape, tensors[0]!, tensors[1]!);
      const loss = weightedSum(tape, y, normalValues(160, 11));
      return tape.gradients([{ loss, weight: 1 }], sources.map((i) => tensors[i]!));
    });
  const both = await record([0, 1]);
  const input = await record([0]);
  const weight = await record([1]);
  const has = ({ kernels }: { kernels: string[] }, direction: string) =>
    kernels.some((label) => label.includes(direction));
  assert.ok(has(both, "input gradient") && has(both, "weight gradient"));
  assert.ok(has(input, "input gradient") && !has(input, "weight gradient"));
  assert.ok(!has(weight, "input gradient") && has(weight, "weight gradient"));
  assert.deepEqual(input.outputs[0], both.outputs[0]);
  assert.deepEqual(weight.outputs[0], both.outputs[1]);
});

Deno.test("buildProgram() drops kernels whose results nothing reads", async () => {
  const { kernels } = await evaluate([x], (tape, x) => {
    const wanted = relu(tape, x!);
    add(tape, relu(tape, wanted), wanted); // Read by nobody.
    globalPool(tape, wanted);
    return [wanted];
  });
  assert.deepEqual(kernels, [reluKernel(ELEMENTS).label]);
});

Deno.test("place() makes a kernel write into part of another buffer and nowhere else", async () => {
  const tape = new Tape(gpu.capabilities);
  const tensors = upload([x]);
  const whole = gpu.createBuffer(3 * 512, "whole");
  const loss = weightedSum(tape, relu(tape, tensors[0]!), weights[1]!);
  const [gradient] = tape.gradients([{ loss, weight: 1 }], [tensors[0]!]);
  tape.place(gradient!, { buffer: whole.buffer, offset: 512, size: 4 * ELEMENTS });
  const program = buildProgram(gpu, tape);
  program.run();
  const [bytes] = await gpu.read(whole);
  const found = new Float32Array(bytes!);
  const expected = new Float32Array(3 * 128);
  expected.set(x.values.map((value, i) => value > 0 ? weights[1]![i]! : 0), 128);
  assert.deepEqual([...found].map(Math.abs), [...expected].map(Math.abs));
  assertNear(found, expected, 1e-6, "placed gradient");
  assert.deepEqual(await program.read(gradient!), found.slice(128, 128 + ELEMENTS));
  program[Symbol.dispose]();
  free(tensors);
  gpu.destroyBuffer(whole);
});

Deno.test("the gradient that parameters share is placed for each of them", async () => {
  const tape = new Tape(gpu.capabilities);
  const tensors = upload([x, x, x]);
  const whole = gpu.createBuffer(4 * 512, "whole");
  const sum = add(tape, add(tape, tensors[0]!, tensors[1]!), tensors[2]!);
  const loss = weightedSum(tape, sum, weights[1]!);
  const gradients = tape.gradients([{ loss, weight: 1 }], tensors);
  for (const [i, gradient] of gradients.entries()) {
    tape.place(gradient, { buffer: whole.buffer, offset: 512 * (i + 1), size: 4 * ELEMENTS });
  }
  const program = buildProgram(gpu, tape);
  program.run();
  const [bytes] = await gpu.read(whole);
  const found = new Float32Array(bytes!);
  for (const first of [128, 256, 384]) {
    assertNear(found.slice(first, first + ELEMENTS), weights[1]!, 1e-6, "placed gradient");
  }
  program[Symbol.dispose]();
  free(tensors);
  gpu.destroyBuffer(whole);
});

Deno.test("rules return no gradient that was not asked for", () => {
  const asked = (record: (tape: Tape, tensors: readonly Tensor[]) => Tensor, sources: number[]) => {
    const tape = new Tape(gpu.capabilities);
    const tensors = [[2, 3], [4, 3], [4], [4]].map((shape, i) => tape.transient(shape, `t${i}`));
    const returned: (readonly (Tensor | undefined)[])[] = [];
    const differentiable = tape.differentiable.bind(tape);
    tape.differentiable = (inputs, output, rule) =>
      differentiable(inputs, output, (gradient, backward) => {
        const gradients = rule(gradient, backward);
        returned.push(gradients);
        return gradients;
      });
    const loss = mean(tape, record(tape, tensors));
    tape.gradients([{ loss, weight: 1 }], sources.map((i) => tensors[i]!));
    return returned.at(-1)!.map((gradient) => gradient !== undefined);
  };
  const layer = (tape: Tape, [x, w, b]: readonly Tensor[]) => linear(tape, x!, w!, b!);
  assert.deepEqual(asked(layer, [0]), [true, false, false]);
  assert.deepEqual(asked(layer, [1]), [false, true, false]);
  assert.deepEqual(asked(layer, [2]), [false, false, true]);
  const sum = (tape: Tape, [, , a, b]: readonly Tensor[]) => add(tape, a!, b!);
  assert.deepEqual(asked(sum, [2]), [true, false]);
  assert.deepEqual(asked(sum, [2, 3]), [true, true]);
});

Deno.test("place() throws for a tensor that has a place for good", () => {
  const tape = new Tape(gpu.capabilities);
  const range = gpu.createBuffer(1024, "place");
  assert.throws(
    () => tape.place(locatedTensor([4], range, "parameter"), range),
    new RangeError("cannot place parameter: it has a place for good"),
  );
  gpu.destroyBuffer(range);
});

Deno.test("constant() throws unless there is one value an element", () => {
  assert.throws(
    () => new Tape(gpu.capabilities).constant([2, 3], new Float32Array(5), "table"),
    new RangeError("table: 5 values for [2, 3]"),
  );
});

Deno.test("locatedTensor() throws where the range is too small", () => {
  const range = gpu.createBuffer(16, "range");
  assert.throws(
    () => locatedTensor([5], range, "five numbers"),
    new RangeError("five numbers needs 20 bytes, found 16"),
  );
  gpu.destroyBuffer(range);
});
