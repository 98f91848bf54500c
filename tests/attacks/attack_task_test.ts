/** `deno task attack` with attacks that have to be prepared. */

import assert from "node:assert/strict";
import { BACKDOOR_KEY } from "../../src/attacks/backdoor.ts";
import { readCheckpoint } from "../../src/formats/checkpoint.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { assertRefused, filesUnder, runTask, start } from "../tasks/command.ts";

const TINY = [
  ...["--dataset", "signs", "--arch", "wrn-10-1", "--train-limit", "256", "--limit", "64"],
  ...["--batch-size", "64", "--epochs", "2", "--target", "3"],
];
const TROJAN = ["--attack", "trojan", "--attack-options", "epochs=1,steps=10"];

Deno.test("an attack that was stopped goes on with the patch and images that it had prepared", async () => {
  await withTemporaryFolder(async (folder) => {
    const args = [...TINY, ...TROJAN];
    const whole = await runTask("attack", [...args, "--out", "whole", "--json"], { folder });
    assert.equal(whole.code, 0, whole.stderr);
    const { model, poisoned } = JSON.parse(whole.stdout);
    assert.equal(poisoned, 26);
    assert.equal(model.attack.name, "trojan");

    const child = start("attack", [...args, "--out", "stopped"], { folder });
    let stderr = "";
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      if (!stderr.includes("epoch 1/2") && text.includes("epoch 1/2")) child.kill("SIGINT");
      stderr += text;
    }
    await child.stdout.cancel();
    assert.equal((await child.status).code, 130);
    // Another helper would lead to another patch; the prepared one must serve.
    await Deno.writeFile(`${folder}/stopped/helper.safetensors`, new Uint8Array(100));
    const resumed = await runTask("attack", ["--resume", `${folder}/stopped`]);
    assert.equal(resumed.code, 0, resumed.stderr);
    const path = (run: string, file: string) => `${folder}/${run}/${file}.safetensors`;
    for (const file of ["model", "prepared"]) {
      const [found, expected] = await Promise.all(
        ["stopped", "whole"].map((run) => Deno.readFile(path(run, file))),
      );
      assert.deepEqual(found, expected, file);
    }
    const { metadata } = await readCheckpoint(path("whole", "model"));
    assert.match(metadata.get(BACKDOOR_KEY)!, /"patch":"data:image\/png;base64,/);

    const measure = ["--model", path("whole", "model"), "--attack", "recorded", "--json"];
    const measured = await runTask("evaluate", [...measure, "--limit", "64"]);
    const { success, samples } = JSON.parse(measured.stdout).attack;
    assert.deepEqual({ success, samples }, {
      success: model.attack.success,
      samples: model.attack.samples,
    });
  });
});

/** What is wrong, the flags, the exit code and the message. */
const WRONG: readonly (readonly [string, readonly string[], 1 | 2, RegExp])[] = [
  ["a target outside the set", ["--attack", "sig", "--target", "10"], 1, /classes 0 to 9/],
  ["a rate that selects no image", ["--attack", "blend", "--poison-rate", "0.001"], 1, /no image/],
  ["an unknown option", ["--attack", "refool", "--attack-options", "hue=1"], 2, /"hue"/],
  [
    "a missing model",
    ["--attack", "trojan", "--attack-options", "model=no.pth"],
    2,
    /no such file/,
  ],
  [
    "a missing picture",
    ["--attack", "blend", "--attack-options", "image=no.png"],
    1,
    /no such file/,
  ],
  ["all2all where labels are kept", ["--attack", "sig", "--target-mode", "all2all"], 2, /all2all/],
];

for (const [what, flags, code, message] of WRONG) {
  Deno.test(`attack refuses ${what} and leaves nothing behind`, async () => {
    await withTemporaryFolder(async (folder) => {
      const args = [...TINY, ...flags, "--out", "run"];
      assertRefused(await runTask("attack", args, { folder }), code, message);
      assert.deepEqual(await filesUnder(folder), []);
    });
  });
}
