import assert from "node:assert/strict";
import { linear } from "../../src/tensor/operations/linear.ts";
import { linear as reference } from "../../src/reference/linear.ts";
import { checkOperation } from "../tensor/check_operation.ts";
import { evaluate, normalInput } from "../tensor/record.ts";

for (const [batch, inputs, outputs] of [[8, 64, 10], [3, 7, 5], [1, 1, 1], [65, 2, 3]] as const) {
  Deno.test(`linear() and its gradients match the float64 reference at ${batch}x${inputs} -> ${outputs}`, async () => {
    await checkOperation({
      inputs: [
        normalInput([batch, inputs], 1),
        normalInput([outputs, inputs], 2),
        normalInput([outputs], 3),
      ],
      operation: linear,
      reference: (x, w, b) => reference({ batch, inputs, outputs }, x, w, b),
    });
  });
}

Deno.test("linear() throws where shapes do not fit", async () => {
  const apply = (x: number[], w: number[], b: number[]) =>
    evaluate(
      [normalInput(x, 1), normalInput(w, 2), normalInput(b, 3)],
      (tape, x, w, b) => [linear(tape, x!, w!, b!)],
    );
  await assert.rejects(
    apply([2, 4], [3, 5], [3]),
    new RangeError("cannot apply input 1 to input 0: input 1 has shape [3, 5], expected [3, 4]"),
  );
  await assert.rejects(
    apply([2, 4], [3, 4], [4]),
    new RangeError("cannot apply input 1: input 2 has shape [4], expected [3]"),
  );
});
