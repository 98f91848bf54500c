import assert from "node:assert/strict";
import { createDefaultStep } from "../../src/doctor/default_step.ts";
import { selfTest } from "../../src/doctor/self_test.ts";
import { openGpu } from "../../src/gpu/gpu.ts";
import { gpu } from "../gpu/device.ts";

Deno.test("selfTest() finds the kernels of this device right", async () => {
  const checks = await selfTest(gpu);
  assert.equal(checks.length, 13);
  assert.deepEqual(checks.filter(({ passed }) => !passed), []);
});

Deno.test("the step of the default recipe that selfTest() runs has every fusion", () => {
  using trainer = createDefaultStep(gpu);
  const found = new Set(
    trainer.program.steps.flatMap(({ kernel: { convolution } }) =>
      Object.entries(convolution?.fusion ?? {}).filter(([, on]) => on).map(([name]) => name)
    ),
  );
  const all = ["addAddend", "addResidual", "normaliseInput", "normalised", "statistics"];
  assert.deepEqual([...found].sort(), all);
  const labels = trainer.program.dispatches.map(({ label }) => label);
  for (const kernel of ["gather", "corrupt", "sgd", "average", "soft cross-entropy"]) {
    assert.ok(labels.some((label) => label.startsWith(kernel)), kernel);
  }
});

Deno.test("selfTest() finds a device wrong that does nothing", async () => {
  const idle = await openGpu();
  idle.submit = () => {};
  const checks = await selfTest(idle);
  assert.deepEqual(checks.filter(({ passed }) => passed), []);
  idle.close();
});
