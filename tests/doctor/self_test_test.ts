import assert from "node:assert/strict";
import { selfTest } from "../../src/doctor/self_test.ts";
import { openGpu } from "../../src/gpu/gpu.ts";
import { gpu } from "../gpu/device.ts";

Deno.test("selfTest() finds the kernels of this device right", async () => {
  const checks = await selfTest(gpu);
  assert.equal(checks.length, 12);
  assert.deepEqual(checks.filter(({ passed }) => !passed), []);
});

Deno.test("selfTest() finds a device wrong that does nothing", async () => {
  const idle = await openGpu();
  idle.submit = () => {};
  const checks = await selfTest(idle);
  assert.deepEqual(checks.filter(({ passed }) => passed), []);
  idle.close();
});
