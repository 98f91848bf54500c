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
  name: "doctor finds the kernels right with either width of a software driver's vectors",
  ignore: Deno.build.os !== "linux",
  async fn() {
    for (const LP_NATIVE_VECTOR_WIDTH of ["256", "512"]) {
      const env = { LP_NATIVE_VECTOR_WIDTH };
      const { code, stdout, stderr } = await runTask("doctor", ["--json", "--no-timings"], { env });
      assert.equal(code, 0, stderr);
      const { adapter, checks, advice } = JSON.parse(stdout);
      assert.ok(checks.every(({ passed }: { passed: boolean }) => passed));
      if (!adapter.name.startsWith("llvmpipe")) return;
      assert.match(adapter.name, new RegExp(`${LP_NATIVE_VECTOR_WIDTH} bits`));
      assert.equal(adapter.subgroupSize, Number(LP_NATIVE_VECTOR_WIDTH) / 32);
      const advised = advice.some((text: string) => text.includes("LP_NATIVE_VECTOR_WIDTH"));
      assert.equal(advised, LP_NATIVE_VECTOR_WIDTH === "256");
    }
  },
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
    assert.match(stderr, /error: .*no WebGPU adapter was found, .*mesa-vulkan-drivers\n$/);
  },
});
