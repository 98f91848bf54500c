import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import {
  adaptiveAveragePool,
  averagePool,
  globalPool,
  maxPool,
} from "../../src/tensor/operations/pool.ts";
import * as reference from "../reference/pool.ts";
import { assertNear } from "../reference/compare.ts";
import { checkOperation } from "../tensor/check_operation.ts";
import { differentiate, evaluate, normalInput } from "../tensor/record.ts";

const SEED = 20_250_612;

/** N, C, H, W, window, stride: windows that tile, overlap, leave a rest, or leave gaps. */
const WINDOWS = [
  [2, 3, 8, 8, 2, 2],
  [1, 2, 7, 9, 3, 2],
  [2, 1, 6, 5, 2, 1],
  [1, 3, 8, 10, 2, 3],
  [2, 2, 5, 4, 4, 4],
  [1, 1, 3, 3, 1, 2],
] as const;

for (const [n, c, h, w, window, stride] of WINDOWS) {
  const geometry = reference.windowPool(n * c, h, w, window, stride);
  const where = `[${[n, c, h, w]}], window ${window}, stride ${stride}`;

  Deno.test(`averagePool() and its gradient match the float64 reference at ${where}`, async () => {
    await checkOperation({
      inputs: [normalInput([n, c, h, w], SEED)],
      operation: (tape, x) => averagePool(tape, x, { window, stride }),
      reference: (x) => reference.averagePool(geometry, x),
    });
  });

  Deno.test(`maxPool() and its gradient match the float64 reference at ${where}`, async () => {
    await checkOperation({
      inputs: [normalInput([n, c, h, w], SEED)],
      operation: (tape, x) => maxPool(tape, x, { window, stride }),
      reference: (x) => reference.maxPool(geometry, x),
    });
  });
}

Deno.test("maxPool() sends the gradient of equal values to the first of them", async () => {
  const shape = [1, 2, 5, 5];
  const values = Float32Array.from({ length: 50 }, (_, i) => [1, 1, 0, 2, 2, 2, 0][i % 7]!);
  const { weights, gradients } = await differentiate(
    [{ shape, values }],
    (tape, x) => maxPool(tape, x, { window: 3, stride: 1 }),
  );
  const expected = reference.maxPoolGradient(
    reference.windowPool(2, 5, 5, 3, 1),
    values,
    weights,
  );
  assertNear(gradients[0]!, expected, 1e-6, "gradient");
});

for (const [n, c, h, w] of [[2, 3, 8, 8], [1, 5, 7, 3], [3, 1, 1, 1], [2, 2, 1, 9]] as const) {
  Deno.test(`globalPool() and its gradient match the float64 reference at [${[n, c, h, w]}]`, async () => {
    await checkOperation({
      inputs: [normalInput([n, c, h, w], SEED)],
      operation: globalPool,
      reference: (x) => reference.averagePool(reference.globalPool(n * c, h, w), x),
    });
  });
}

Deno.test("adaptiveAveragePool() and its gradient match the float64 reference at sizes drawn at random", async () => {
  const extent = fc.integer({ min: 1, max: 12 });
  await fc.assert(
    fc.asyncProperty(extent, extent, extent, extent, async (h, w, height, width) => {
      await checkOperation({
        inputs: [normalInput([2, 2, h, w], SEED)],
        operation: (tape, x) => adaptiveAveragePool(tape, x, { height, width }),
        reference: (x) => reference.averagePool(reference.adaptivePool(4, h, w, height, width), x),
      });
    }),
    { seed: SEED, numRuns: 8, examples: [[16, 16, 8, 8], [7, 5, 3, 2], [3, 4, 6, 4]] },
  );
});

Deno.test("averagePool() throws where the window does not fit", async () => {
  const pool = (window: number, stride: number) =>
    evaluate(
      [normalInput([1, 1, 4, 6], SEED)],
      (tape, x) => [averagePool(tape, x!, { window, stride })],
    );
  const expected = (window: number, stride: number) =>
    new RangeError(
      `cannot pool input 0: a ${window}x${window} window with stride ${stride} does not fit 4x6`,
    );
  await assert.rejects(pool(5, 1), expected(5, 1));
  await assert.rejects(pool(0, 1), expected(0, 1));
  await assert.rejects(pool(2, 0), expected(2, 0));
});

Deno.test("globalPool() throws for a tensor that is no batch of feature maps", async () => {
  await assert.rejects(
    evaluate([normalInput([4, 6], SEED)], (tape, x) => [globalPool(tape, x!)]),
    new RangeError("input 0: expected shape (N,C,H,W), found [4, 6]"),
  );
});
