/** A device that is lost in the middle of a run. */

import assert from "node:assert/strict";
import { DeviceLostError } from "../../src/errors.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import { openGpu } from "../../src/gpu/gpu.ts";
import type { PhaseSnapshot } from "../../src/train/train.ts";
import { defendSmall } from "./small_defense.ts";

Deno.test("a device lost in an epoch ends a defence with a DeviceLostError, and it can be resumed", async () => {
  const whole = await defendSmall("nad");
  const own = await openGpu();
  const trained = new Map<string, StateDict>();
  let snapshot: PhaseSnapshot | undefined;
  let lost = 0;
  await assert.rejects(
    defendSmall("nad", {}, {
      onEpoch: (_phase, _metrics, taken) => Promise.resolve(void (snapshot = taken)),
      onTrained: (phase, state) => Promise.resolve(void trained.set(phase, state)),
      onProgress(phase, { epoch }) {
        if (phase !== "student" || epoch !== 1 || lost > 0) return;
        lost = performance.now();
        own.device.destroy();
      },
    }, own),
    DeviceLostError,
  );
  assert.ok(lost > 0);
  assert.equal(snapshot?.phase, "student");
  assert.equal(snapshot?.epoch, 1);
  const resumed = await defendSmall("nad", {}, {
    resume: {
      done: new Set(["before", "teacher"]),
      snapshot,
      trained: (phase) => Promise.resolve(trained.get(phase)),
    },
  });
  assert.deepEqual(resumed.state, whole.state);
});
