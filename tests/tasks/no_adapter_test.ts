/** A machine without a usable GPU driver. */

import assert from "node:assert/strict";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { assertRefused, filesUnder, NO_DRIVER, runTask } from "./command.ts";
import { TINY_DATA, writeTinyModel } from "./tiny_model.ts";

/** Only Linux chooses its drivers by environment variables. */
const ignore = Deno.build.os !== "linux";

for (
  const [task, args] of [
    ["erase", ["--model", "tiny.safetensors", ...TINY_DATA]],
    ["evaluate", ["--model", "tiny.safetensors", "--limit", "64"]],
    ["attack", ["--attack", "badnets", "--train-limit", "256", "--limit", "64"]],
  ] as const
) {
  Deno.test(`${task} without an adapter says what to install`, { ignore }, async () => {
    await withTemporaryFolder(async (folder) => {
      await writeTinyModel(folder);
      const finished = await runTask(task, args, { folder, env: NO_DRIVER });
      assertRefused(finished, 1, /no WebGPU adapter was found, .*mesa-vulkan-drivers/);
      assert.deepEqual(await filesUnder(folder), ["tiny.safetensors"]);
    });
  });
}
