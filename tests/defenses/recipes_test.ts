/** Batches and learning rates for few images. */

import assert from "node:assert/strict";
import { fitBatches, RECIPES, recipeSettings } from "../../src/defenses/recipes.ts";

const batchSize = (images: number, batchSize: number, leastSteps: number) =>
  fitBatches({ batchSize, learningRate: 1 }, images, leastSteps).batchSize;

Deno.test("fitBatches() halves the batch until an epoch has enough steps", () => {
  assert.equal(batchSize(2500, 64, 16), 64);
  assert.equal(batchSize(1024, 64, 16), 64);
  assert.equal(batchSize(1023, 64, 16), 32);
  assert.equal(batchSize(600, 64, 16), 32);
  assert.equal(batchSize(300, 64, 16), 16);
});

Deno.test("fitBatches() never goes below 16, nor changes a size that is fitting", () => {
  assert.equal(batchSize(10, 64, 16), 16);
  assert.equal(batchSize(10, 24, 16), 24);
  assert.equal(batchSize(600, 64, 0), 64);
  const once = fitBatches({ batchSize: 64, learningRate: 0.01 }, 600, 16);
  assert.deepEqual(fitBatches(once, 600, 16), once);
});

Deno.test("fitBatches() lowers the learning rate by a factor of eight for a quarter of the batch", () => {
  const learningRate = (images: number) =>
    fitBatches({ batchSize: 64, learningRate: 0.02 }, images, 16).learningRate;
  assert.deepEqual([2500, 300].map(learningRate), [0.02, 0.0025]);
  assert.ok(Math.abs(learningRate(600) - 0.02 / Math.SQRT2 / 2) < 1e-15);
});

Deno.test("recipeSettings() fits the batches of a recipe that asks for it, and of no other", () => {
  const use = {
    images: 600,
    preprocessing: { mean: [0, 0, 0], deviation: [1, 1, 1] },
    flip: false,
    seed: 1,
  } as const;
  const fitted = (name: keyof typeof RECIPES) => {
    const { training, teacherTraining } = recipeSettings(RECIPES[name], use);
    assert.equal(training.learningRate, teacherTraining.learningRate);
    return [training.batchSize, training.learningRate];
  };
  assert.deepEqual(fitted("lethe"), [32, 0.02 * 0.5 ** 1.5]);
  assert.deepEqual(fitted("paper"), [64, 0.1]);
});
