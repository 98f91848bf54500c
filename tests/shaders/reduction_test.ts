import assert from "node:assert/strict";
import { sumKernel, sumPartsKernel } from "../../shaders/reduction.ts";
import { assertNear } from "../reference/compare.ts";
import { normalValues } from "../reference/values.ts";
import { evaluate } from "../tensor/record.ts";

for (const elements of [1, 63, 64, 65, 1000]) {
  Deno.test(`sumKernel() matches the float64 reference for ${elements} elements`, async () => {
    const values = normalValues(elements, 4);
    const { outputs } = await evaluate([{ shape: [elements], values }], (tape, x) => {
      const y = tape.transient([1], "sum");
      tape.run(sumKernel(elements, -1 / 3), [x!], [y]);
      return [y];
    });
    const magnitude = values.reduce((sum, value) => sum + Math.abs(value), 0);
    const expected = -values.reduce((sum, value) => sum + value, 0) / 3;
    assert.ok(Math.abs(outputs[0]![0]! - expected) < 1e-6 * magnitude);
  });
}

for (const [parts, elements] of [[1, 3], [7, 64], [64, 131]] as const) {
  Deno.test(`sumPartsKernel() matches the float64 reference for ${parts} parts of ${elements}`, async () => {
    const values = normalValues(parts * elements, 5);
    const { outputs } = await evaluate([{ shape: [parts, elements], values }], (tape, x) => {
      const y = tape.transient([elements], "sums");
      tape.run(sumPartsKernel(parts, elements), [x!], [y]);
      return [y];
    });
    const expected = new Float64Array(elements);
    for (const [i, value] of values.entries()) expected[i % elements]! += value;
    assertNear(outputs[0]!, expected, 1e-6, "sums");
  });
}
