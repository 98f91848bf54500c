import assert from "node:assert/strict";
import {
  advanceKernel,
  collectRowsKernel,
  confusionKernel,
  recordStepKernel,
} from "../../shaders/metrics.ts";
import { confusion } from "../reference/confusion.ts";
import { normalValues, wholeValues } from "../reference/values.ts";
import { evaluate, wholeNumbers } from "../tensor/record.ts";

for (const [batch, classes] of [[64, 10], [7, 3], [130, 43]] as const) {
  Deno.test(`confusionKernel() adds the counts of a batch of ${batch} with ${classes} classes to earlier ones`, async () => {
    const logits = normalValues(batch * classes, 1);
    const labels = wholeValues(batch, classes, 2);
    const earlier = wholeValues(classes * classes, 100, 3);
    const { outputs } = await evaluate(
      [
        { shape: [batch, classes], values: logits },
        { shape: [batch], values: labels },
        { shape: [4], values: Uint32Array.of(2, 0, 0, 0) },
        { shape: [classes, classes], values: earlier },
      ],
      (tape, x, y, state, counts) => {
        tape.run(confusionKernel(batch, classes, 3 * batch), [x!, y!], [counts!, state!]);
        return [counts!];
      },
    );
    const expected = confusion(logits, labels, classes).map((count, i) => count + earlier[i]!);
    assert.deepEqual(wholeNumbers(outputs[0]!), expected);
  });
}

Deno.test("confusionKernel() leaves out the padding of the last batch", async () => {
  const logits = normalValues(20, 1);
  const labels = wholeValues(5, 4, 2);
  const { outputs } = await evaluate(
    [
      { shape: [5, 4], values: logits },
      { shape: [5], values: labels },
      { shape: [4], values: Uint32Array.of(1, 0, 0, 0) },
      { shape: [4, 4], values: new Uint32Array(16) },
    ],
    (tape, x, y, state, counts) => {
      tape.run(confusionKernel(5, 4, 8), [x!, y!], [counts!, state!]);
      return [counts!];
    },
  );
  assert.deepEqual(wholeNumbers(outputs[0]!), confusion(logits, labels.subarray(0, 3), 4));
});

Deno.test("confusionKernel() predicts the first of equal logits", async () => {
  const { outputs } = await evaluate(
    [
      { shape: [2, 3], values: Float32Array.of(1, 2, 2, -1, -1, -1) },
      { shape: [2], values: Uint32Array.of(2, 2) },
      { shape: [4], values: new Uint32Array(4) },
      { shape: [3, 3], values: new Uint32Array(9) },
    ],
    (tape, x, y, state, counts) => {
      tape.run(confusionKernel(2, 3, 2), [x!, y!], [counts!, state!]);
      return [counts!];
    },
  );
  assert.deepEqual([...wholeNumbers(outputs[0]!)], [0, 0, 0, 0, 0, 0, 1, 1, 0]);
});

Deno.test("recordStepKernel() writes the losses into the row of the step, with whether all is finite, and moves on", async () => {
  const losses = [3, 5, 7].map((value) => ({ shape: [1], values: Float32Array.of(value) }));
  const { outputs } = await evaluate(
    [
      ...losses,
      { shape: [4, 4], values: new Float32Array(16).fill(-1) },
      { shape: [4], values: Uint32Array.of(2, 8, 9, 1) },
    ],
    (tape, a, b, c, metrics, state) => {
      tape.run(recordStepKernel(3, 4), [a!, b!, c!], [metrics!, state!]);
      return [metrics!, state!];
    },
  );
  const untouched = [-1, -1, -1, -1];
  assert.deepEqual([...outputs[0]!], [...untouched, ...untouched, 3, 5, 7, 1, ...untouched]);
  assert.deepEqual([...wholeNumbers(outputs[1]!)], [3, 8, 9, 1]);
});

Deno.test("advanceKernel() moves on by one step and touches nothing else", async () => {
  const state = { shape: [4], values: Uint32Array.of(41, 1, 2, 3) };
  const { outputs } = await evaluate([state], (tape, tensor) => {
    tape.run(advanceKernel(), [], [tensor!]);
    return [tensor!];
  });
  assert.deepEqual([...wholeNumbers(outputs[0]!)], [42, 1, 2, 3]);
});

Deno.test("collectRowsKernel() puts the rows of a step in their place and drops the padding", async () => {
  const x = normalValues(3 * 5, 6);
  const { outputs } = await evaluate(
    [
      { shape: [3, 5], values: x },
      { shape: [4], values: Uint32Array.of(2, 0, 0, 0) },
      { shape: [8, 5], values: new Float32Array(40) },
    ],
    (tape, rows, state, all) => {
      tape.run(collectRowsKernel(3, 5, 8), [rows!, state!], [all!]);
      return [all!];
    },
  );
  assert.deepEqual([...outputs[0]!], [...new Float32Array(30), ...x.subarray(0, 10)]);
});
