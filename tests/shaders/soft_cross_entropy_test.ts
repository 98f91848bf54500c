import assert from "node:assert/strict";
import { softCrossEntropy } from "../../src/tensor/operations/soft_cross_entropy.ts";
import * as reference from "../reference/soft_cross_entropy.ts";
import { checkOperation } from "../tensor/check_operation.ts";
import { differentiate, normalInput } from "../tensor/record.ts";

for (const temperature of [1, 2, 4.5]) {
  Deno.test(`softCrossEntropy() at temperature ${temperature} and its gradient match the float64 reference`, async () => {
    for (const [batch, classes] of [[4, 10], [3, 2], [1, 43]] as const) {
      await checkOperation({
        inputs: [normalInput([batch, classes], 1), normalInput([batch, classes], 2)],
        operation: (tape, s, t) => softCrossEntropy(tape, s!, t!, temperature),
        reference: (s, t) =>
          Float64Array.of(reference.softCrossEntropy(s, t, classes, temperature)),
        sources: [0],
        tolerance: 2e-5,
      });
    }
  });
}

Deno.test("softCrossEntropy() is 0 with gradient 0 between equal logits, and finite at large ones", async () => {
  const logits = normalInput([3, 5], 1);
  const equal = await differentiate(
    [logits, logits],
    (tape, s, t) => softCrossEntropy(tape, s!, t!, 2),
    [0],
  );
  assert.deepEqual([...equal.y].map(Math.abs), [0]);
  assert.deepEqual([...equal.gradients[0]!].map(Math.abs), new Array(15).fill(0));
  const large = { shape: [1, 3], values: Float32Array.of(1000, -1000, 0) };
  const other = { shape: [1, 3], values: Float32Array.of(-1000, 1000, 0) };
  const far = await differentiate(
    [large, other],
    (tape, s, t) => softCrossEntropy(tape, s!, t!, 2),
    [0],
  );
  assert.ok([...far.y, ...far.gradients[0]!].every(Number.isFinite));
});
