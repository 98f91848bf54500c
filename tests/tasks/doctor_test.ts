/** The command that says what a machine offers. */

import assert from "node:assert/strict";
import { NO_DRIVER, runTask } from "./command.ts";

const KEYS = ["adapter", "advice", "checks", "deno", "lethe", "system", "timings", "tuning"];

Deno.test("doctor --json describes the adapter, its checks and its speed", async () => {
  const { code, stdout, stderr } = await runTask("doctor", ["--json"]);
  assert.equal(code, 0, stderr);
  const document = JSON.parse(stdout);
  assert.deepEqual(Object.keys(document).sort(), KEYS);
  assert.match(stderr, new RegExp(`GPU: ${document.adapter.name.slice(0, 4)}`));
  assert.ok(document.checks.every(({ passed }: { passed: boolean }) => passed));
  const { convolutionGflops, trainingImagesPerSecond, evaluationImagesPerSecond } =
    document.timings;
  assert.ok(convolutionGflops > 0);
  assert.ok(trainingImagesPerSecond > 0 && evaluationImagesPerSecond > 0);
});

Deno.test({
  name: "doctor without an adapter says what to install, in its document too",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const { code, stdout, stderr } = await runTask("doctor", ["--json"], { env: NO_DRIVER });
    assert.equal(code, 1);
    const document = JSON.parse(stdout);
    assert.deepEqual(Object.keys(document).sort(), KEYS);
    assert.equal(document.adapter, null);
    assert.match(document.advice[0], /mesa-vulkan-drivers/);
    assert.match(stderr, /error: .*no WebGPU adapter was found; .*mesa-vulkan-drivers\n$/);
  },
});
