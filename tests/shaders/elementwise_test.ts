import assert from "node:assert/strict";
import { addKernel, elementwise } from "../../shaders/elementwise.ts";
import { declareBindings } from "../../shaders/kernel.ts";
import { add, relu } from "../../src/tensor/operations/elementwise.ts";
import { relu as reference } from "../reference/relu.ts";
import { wholeValues } from "../reference/values.ts";
import { checkOperation } from "../tensor/check_operation.ts";
import { differentiate, evaluate, normalInput, wholeNumbers } from "../tensor/record.ts";

const SHAPES = [[1], [64], [65], [3, 5, 7, 2], [2, 16, 8, 8]];

for (const shape of SHAPES) {
  Deno.test(`add() and its gradients match the float64 reference at [${shape}]`, async () => {
    await checkOperation({
      inputs: [normalInput(shape, 1), normalInput(shape, 2)],
      operation: add,
      reference: (a, b) => a.map((value, i) => value + b[i]!),
    });
  });

  Deno.test(`relu() and its gradient match the float64 reference at [${shape}]`, async () => {
    await checkOperation({ inputs: [normalInput(shape, 3)], operation: relu, reference });
  });
}

Deno.test("relu() has no gradient at exactly 0, as in PyTorch", async () => {
  const values = Float32Array.of(-0, 0, 1e-30, -1e-30);
  const { y, weights, gradients } = await differentiate([{ shape: [4], values }], relu);
  assert.deepEqual([...y].map(Math.abs), [0, 0, Math.fround(1e-30), 0]);
  assert.deepEqual([...gradients[0]!].map(Math.abs), [0, 0, Math.abs(weights[2]!), 0]);
});

Deno.test("add() throws where shapes differ", async () => {
  await assert.rejects(
    evaluate([normalInput([2, 3], 1), normalInput([3, 2], 2)], (tape, a, b) => [add(tape, a!, b!)]),
    new RangeError("cannot add input 1 to input 0: input 1 has shape [3, 2], expected [2, 3]"),
  );
});

Deno.test("elementwise() reaches every element beyond one row of workgroups, once", async () => {
  const elements = 64 * 32768 * 2 + 77;
  const kernel = elementwise(
    "count",
    elements,
    declareBindings([{ name: "x", elements, type: "u32" }], [
      { name: "y", elements, type: "u32" },
    ]),
    "y[i] += x[i] ^ i;",
  );
  assert.ok(kernel.workgroups.every((count) => count <= 65535));
  const values = wholeValues(elements, 2 ** 32, 5);
  const { outputs } = await evaluate([{ shape: [elements], values }], (tape, x) => {
    const y = tape.transient([elements], "y", "u32");
    tape.run(kernel, [x!], [y]);
    return [y];
  });
  const found = wholeNumbers(outputs[0]!);
  assert.equal(values.findIndex((value, i) => found[i] !== (value ^ i) >>> 0), -1);
});

Deno.test("addKernel() covers its elements with workgroups of 64", () => {
  assert.deepEqual(addKernel(65).workgroups, [2, 1, 1]);
  assert.deepEqual(addKernel(64 * 32768 + 1).workgroups, [32768, 2, 1]);
});
