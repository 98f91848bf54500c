/** Going on along the way that training has come. */

import assert from "node:assert/strict";
import { floats, initialState } from "../../src/nn/state.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";
import { extrapolated } from "../../src/train/extrapolation.ts";
import { assertNear } from "../reference/compare.ts";
import { CLASSES } from "./small.ts";
import { trainSmall } from "./train_small.ts";

Deno.test("extrapolated() goes on by a share of the way, parameters alone", () => {
  const architecture = wideResNet(10, 1, 3);
  const [start, end] = [initialState(architecture, 1), initialState(architecture, 2)];
  floats(end.get("bn1.running_mean")!).fill(7);
  const beyond = extrapolated(architecture, { start, trained: end }, 0.25);
  assert.deepEqual([...beyond.keys()], [...end.keys()]);
  for (const { name, kind } of architecture.entries) {
    if (kind === "parameter") {
      const [from, to] = [floats(start.get(name)!), floats(end.get(name)!)];
      const expected = Float64Array.from(to, (value, i) => value + 0.25 * (value - from[i]!));
      assertNear(floats(beyond.get(name)!), expected, 1e-6, name);
    } else {
      assert.deepEqual(beyond.get(name), end.get(name), name);
    }
  }
  assert.deepEqual(extrapolated(architecture, { start, trained: end }, 0), end);
});

Deno.test("training with an extrapolation goes beyond where it ends without one", async () => {
  const plain = await trainSmall({ averaging: 0.9 });
  const beyond = await trainSmall({ averaging: 0.9, extrapolation: 0.5 });
  const way = { start: plain.start, trained: plain.state };
  assert.deepEqual(beyond.state, extrapolated(wideResNet(10, 1, CLASSES), way, 0.5));
  assert.notDeepEqual(beyond.state.get("conv1.weight"), plain.state.get("conv1.weight"));
  for (const snapshot of beyond.snapshots) {
    const resumed = await trainSmall({ averaging: 0.9, extrapolation: 0.5 }, snapshot);
    assert.deepEqual(resumed.state, beyond.state, `after epoch ${snapshot.epoch}`);
  }
});
