/** Commands run with what they declare and no more, and leave the network alone. */

import assert from "node:assert/strict";
import configuration from "../../deno.json" with { type: "json" };
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { runTask, type Task } from "./command.ts";
import { TINY_DATA, TINY_ERASURE, TINY_TRAINING, writeTinyModel } from "./tiny_model.ts";

/** Everything that these commands could ask for beyond files and a few variables. */
const DENIED = ["--deny-net", "--deny-run", "--deny-sys", "--deny-ffi"];

const RUNS: readonly { task: Task; args: readonly string[] }[] = [
  { task: "evaluate", args: ["--model", "tiny.safetensors", "--limit", "20"] },
  { task: "erase", args: ["--model", "tiny.safetensors", ...TINY_DATA, ...TINY_ERASURE] },
  {
    task: "defend",
    args: ["--defense", "finetune", "--model", "tiny.safetensors", ...TINY_DATA, ...TINY_ERASURE],
  },
  {
    task: "attack",
    args: ["--attack", "badnets", "--arch", "wrn-10-1", "--train-limit", "64", "--limit", "20"]
      .concat(TINY_TRAINING),
  },
  { task: "doctor", args: ["--no-timings"] },
];

Deno.test("no task asks for all permissions, or for all of the network or of other programs", () => {
  for (const [name, task] of Object.entries(configuration.tasks)) {
    assert.doesNotMatch(task.command, /-A\b|--allow-all|--allow-(net|run|ffi|sys)(\s|$)/, name);
  }
});

for (const { task, args } of RUNS) {
  Deno.test(`${task} needs no network, no other program and no facts about the system`, async () => {
    await withTemporaryFolder(async (folder) => {
      await writeTinyModel(folder);
      const { code, stderr } = await runTask(task, args, { folder, denied: DENIED });
      assert.equal(code, 0, stderr);
    });
  });
}
