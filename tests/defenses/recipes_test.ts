/** Batch sizes for few images. */

import assert from "node:assert/strict";
import { fittingBatchSize } from "../../src/defenses/recipes.ts";

Deno.test("fittingBatchSize() halves the batch until an epoch has enough steps", () => {
  assert.equal(fittingBatchSize(2500, 64, 16), 64);
  assert.equal(fittingBatchSize(1024, 64, 16), 64);
  assert.equal(fittingBatchSize(1023, 64, 16), 32);
  assert.equal(fittingBatchSize(600, 64, 16), 32);
  assert.equal(fittingBatchSize(300, 64, 16), 16);
});

Deno.test("fittingBatchSize() never goes below 16, nor changes a size that is fitting", () => {
  assert.equal(fittingBatchSize(10, 64, 16), 16);
  assert.equal(fittingBatchSize(10, 24, 16), 24);
  assert.equal(fittingBatchSize(600, 64, 0), 64);
  assert.equal(fittingBatchSize(600, fittingBatchSize(600, 64, 16), 16), 32);
});
