import assert from "node:assert/strict";
import { crossEntropy } from "../../src/tensor/operations/cross_entropy.ts";
import { assertNear } from "../reference/compare.ts";
import {
  crossEntropy as reference,
  crossEntropyGradient as referenceGradient,
} from "../../src/reference/cross_entropy.ts";
import { wholeValues } from "../reference/values.ts";
import { checkOperation } from "../tensor/check_operation.ts";
import { evaluate, normalInput } from "../tensor/record.ts";

for (const [batch, classes] of [[64, 10], [7, 3], [1, 2], [130, 43]] as const) {
  const labels = { shape: [batch], values: wholeValues(batch, classes, 9) };

  Deno.test(`crossEntropy() and its gradient match the float64 reference at ${batch}x${classes}`, async () => {
    const logits = normalInput([batch, classes], 1);
    await checkOperation({
      inputs: [logits, labels],
      operation: crossEntropy,
      reference: (x) => Float64Array.of(reference(x, labels.values, classes)),
      sources: batch * classes <= 1000 ? [0] : [],
    });
    const { outputs } = await evaluate([logits, labels], (tape, x, y) => {
      const loss = crossEntropy(tape, x!, y!);
      return tape.gradients([{ loss, weight: -2.5 }], [x!]);
    });
    const expected = referenceGradient(logits.values, labels.values, classes);
    assertNear(outputs[0]!, expected.map((value) => -2.5 * value), 1e-5, "weighted gradient");
  });
}

Deno.test("crossEntropy() stays finite and exact for logits of hundreds", async () => {
  const values = Float32Array.of(500, -500, 499, -800, 0, 300, 1000, 1000, 1000);
  const labels = Uint32Array.of(1, 0, 2);
  const { outputs } = await evaluate(
    [{ shape: [3, 3], values }, { shape: [3], values: labels }],
    (tape, x, y) => {
      const loss = crossEntropy(tape, x!, y!);
      return [loss, ...tape.gradients([{ loss, weight: 1 }], [x!])];
    },
  );
  assertNear(outputs[0]!, [reference(values, labels, 3)], 1e-6, "loss");
  assertNear(outputs[1]!, referenceGradient(values, labels, 3), 1e-6, "gradient");
});

Deno.test("crossEntropy() throws unless there is one label a sample", async () => {
  await assert.rejects(
    evaluate(
      [normalInput([4, 3], 1), { shape: [5], values: new Uint32Array(5) }],
      (tape, x, y) => [crossEntropy(tape, x!, y!)],
    ),
    new RangeError("cannot compute cross-entropy: input 1 has shape [5], expected [4]"),
  );
});
