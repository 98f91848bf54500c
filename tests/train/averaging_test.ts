/** The average of a network over its training. */

import assert from "node:assert/strict";
import { averagingKernel } from "../../shaders/averaging.ts";
import { floats } from "../../src/nn/state.ts";
import { averagingWeights } from "../../src/train/averaging.ts";
import { assertNear } from "../reference/compare.ts";
import { normalValues } from "../reference/values.ts";
import { evaluate } from "../tensor/record.ts";
import { trainSmall } from "./train_small.ts";

Deno.test("averagingKernel() moves the average towards the values", async () => {
  for (const elements of [1, 131]) {
    const [values, average] = [normalValues(elements, 1), normalValues(elements, 2)];
    for (const [step, w] of [1, 0.25, 0].entries()) {
      const { outputs } = await evaluate(
        [
          { shape: [elements], values },
          { shape: [3], values: Float32Array.of(1, 0.25, 0) },
          { shape: [4], values: Uint32Array.of(step, 0, 0, 0) },
          { shape: [elements], values: average },
        ],
        (tape, v, weights, state, a) => {
          tape.run(averagingKernel(elements, 3), [v!, weights!, state!], [a!]);
          return [a!];
        },
      );
      const expected = Array.from(values, (value, i) => average[i]! + w * (value - average[i]!));
      assertNear(outputs[0]!, expected, 1e-6, `weight ${w}`);
    }
  }
});

Deno.test("averagingWeights() are 1 for three tenths of the run, then rise to the decay", () => {
  const weights = [0, 1, 2, 3, 4].flatMap((
    epoch,
  ) => [...averagingWeights(0.75, { epoch, epochs: 5, steps: 20 })]);
  const expected = weights.map((_, i) => i <= 30 ? 1 : 1 - Math.min(0.75, (i - 30) / (i - 20)));
  assertNear(Float64Array.from(weights), expected, 1e-6, "weights");
  assert.equal(weights.at(-1), 0.25);
});

Deno.test("training with averaging ends with the average, not with the last network", async () => {
  const last = await trainSmall({});
  const averaged = await trainSmall({ averaging: 0.9 });
  assert.deepEqual(averaged.snapshots.at(-1)!.state, last.state, "the training is the same");
  assert.notDeepEqual(averaged.state, last.state);
  assert.deepEqual(averaged.snapshots.at(-1)!.average, averaged.state);
  const distance = (name: string) => {
    const [a, b] = [averaged.state, last.state].map((state) => floats(state.get(name)!));
    return Math.max(...a!.map((value, i) => Math.abs(value - b![i]!)));
  };
  assert.ok(distance("conv1.weight") > 0 && distance("conv1.weight") < 0.1);
  assert.ok(distance("bn1.running_mean") > 0);
});

Deno.test("training with averaging goes on after any epoch to the same bits", async () => {
  const whole = await trainSmall({ averaging: 0.9 });
  for (const snapshot of whole.snapshots.slice(0, -1)) {
    const resumed = await trainSmall({ averaging: 0.9 }, snapshot);
    assert.deepEqual(resumed.state, whole.state, `after epoch ${snapshot.epoch}`);
  }
});
