import assert from "node:assert/strict";
import { margins } from "../../src/audit/operations.ts";
import { wholeValues } from "../reference/values.ts";
import { checkOperation } from "../tensor/check_operation.ts";
import { differentiate, normalInput } from "../tensor/record.ts";

const SEED = 20_261_124;

for (const [batch, classes] of [[1, 2], [5, 3], [67, 10]] as const) {
  Deno.test(`margins() matches float64 and its differences, ${batch}x${classes}`, async () => {
    const labels = wholeValues(batch, classes, SEED);
    await checkOperation({
      inputs: [normalInput([batch, classes], SEED + 1), { shape: [batch], values: labels }],
      operation: (tape, logits, labels) => margins(tape, logits!, labels!),
      reference: (logits) =>
        Float64Array.from(labels, (label, n) => {
          const row = [...logits!.subarray(n * classes, (n + 1) * classes)];
          return row[label]! - Math.max(...row.filter((_, k) => k !== label));
        }),
      sources: [0],
    });
  });
}

Deno.test("margins() takes the first of equal rivals", async () => {
  const logits = Float32Array.of(2, 5, 2, 2, 7, 7, 1, 0);
  const { y, gradients, weights } = await differentiate(
    [{ shape: [2, 4], values: logits }, { shape: [2], values: Uint32Array.of(1, 3) }],
    (tape, logits, labels) => margins(tape, logits!, labels!),
    [0],
  );
  assert.deepEqual([...y], [3, -7]);
  const [a, b] = [weights[0]!, weights[1]!];
  assert.deepEqual([...gradients[0]!], [-a, a, 0, 0, -b, 0, 0, b]);
});
