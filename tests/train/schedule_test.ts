import assert from "node:assert/strict";
import { epochLearningRates, learningRateFactor, SCHEDULES } from "../../src/train/schedule.ts";

const factor = (
  schedule: typeof SCHEDULES[number],
  epoch: number,
  step = 0,
  epochs = 10,
  stepsPerEpoch = 10,
) => learningRateFactor(schedule, { epoch, step, epochs, stepsPerEpoch });

const near = (found: number, expected: number) =>
  assert.ok(Math.abs(found - expected) <= 1e-12, `${found}, expected ${expected}`);

Deno.test("the schedule `constant` stays at 1", () => {
  for (const epoch of [0, 5, 99]) assert.equal(factor("constant", epoch, 3), 1);
});

Deno.test("the schedule `paper` divides by 10 every two epochs", () => {
  const expected = [1, 1, 0.1, 0.1, 0.01, 0.01, 1e-3, 1e-3, 1e-4, 1e-4];
  for (const [epoch, value] of expected.entries()) {
    near(factor("paper", epoch, 0), value);
    near(factor("paper", epoch, 9), value);
  }
});

Deno.test("the schedule `authors` is 1 for two epochs, then 0.1, and 0.001 from epoch 20 on", () => {
  const at = (epoch: number) => factor("authors", epoch, 5, 30);
  assert.deepEqual([0, 1, 2, 19, 20, 29].map(at), [1, 1, 0.1, 0.1, 0.001, 0.001]);
});

Deno.test("the schedule `cosine` falls from 1 towards 0 over all steps", () => {
  near(factor("cosine", 0, 0), 1);
  near(factor("cosine", 5, 0), 0.5);
  near(factor("cosine", 2, 5), (1 + Math.SQRT1_2) / 2);
  near(factor("cosine", 7, 5), (1 - Math.SQRT1_2) / 2);
  near(factor("cosine", 9, 9), (1 + Math.cos(Math.PI * 0.99)) / 2);
});

Deno.test("the schedule `one-cycle` has the values of PyTorch's OneCycleLR", () => {
  // torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1, total_steps=100) by its formula:
  // up from 1/25 at step 0 to 1 at step 29, down to 1/25/1e4 at step 99, both by cosine.
  near(factor("one-cycle", 0, 0), 0.04);
  near(factor("one-cycle", 2, 9), 1);
  near(factor("one-cycle", 9, 9), 4e-6);
  near(factor("one-cycle", 1, 0), 1 + (0.04 - 1) * (1 + Math.cos(Math.PI * 10 / 29)) / 2);
  near(factor("one-cycle", 6, 4), 4e-6 + (1 - 4e-6) / 2);
});

Deno.test("every schedule is positive and at most 1, for runs of one step as well", () => {
  for (const schedule of SCHEDULES) {
    for (const [epochs, steps] of [[1, 1], [1, 2], [3, 1], [10, 39]] as const) {
      for (let epoch = 0; epoch < epochs; epoch++) {
        for (let step = 0; step < steps; step++) {
          const value = factor(schedule, epoch, step, epochs, steps);
          assert.ok(value > 0 && value <= 1, `${schedule} is ${value} at ${epoch}, ${step}`);
        }
      }
    }
  }
});

Deno.test("epochLearningRates() gives the rate of every step", () => {
  const rates = epochLearningRates("cosine", 0.2, { epoch: 1, epochs: 2, stepsPerEpoch: 4 });
  const expected = [4, 5, 6, 7].map((done) => 0.1 * (1 + Math.cos(Math.PI * done / 8)));
  assert.deepEqual(rates, Float32Array.from(expected));
});
