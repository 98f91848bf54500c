/** Places that cannot be written to. */

import assert from "node:assert/strict";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { assertRefused, filesUnder, runTask } from "./command.ts";
import { TINY_DATA, TINY_ERASURE, tinyModelBytes, writeTinyModel } from "./tiny_model.ts";

const ARGS = ["--model", "tiny.safetensors", ...TINY_DATA, ...TINY_ERASURE];

Deno.test("erase refuses an --out below a file", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const args = [...ARGS, "--out", "tiny.safetensors/run"];
    assertRefused(await runTask("erase", args, { folder }), 1, /tiny\.safetensors\/run/);
    assert.deepEqual(await filesUnder(folder), ["tiny.safetensors"]);
  });
});

Deno.test({
  name: "erase refuses an --out without permission to write",
  // The superuser may write everywhere.
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
  async fn() {
    await withTemporaryFolder(async (folder) => {
      await writeTinyModel(folder);
      await Deno.mkdir(`${folder}/locked`, { mode: 0o500 });
      const args = [...ARGS, "--out", "locked/run"];
      const finished = await runTask("erase", args, { folder });
      assertRefused(finished, 1, /cannot make the run folder locked\/run: /);
      assert.deepEqual(await filesUnder(folder), ["tiny.safetensors"]);
    });
  },
});

Deno.test("evaluate says that logits cannot be written", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const args = ["--model", "tiny.safetensors", "--limit", "64", "--logits", "no/logits.npy"];
    const finished = await runTask("evaluate", args, { folder });
    assertRefused(finished, 1, /cannot write no\/logits\.npy: its folder does not exist/);
    assert.deepEqual(await filesUnder(folder), ["tiny.safetensors"]);
  });
});

/** Mounts an empty disk of `bytes` on `folder`; false where that is not allowed. */
async function mountDisk(folder: string, bytes: number): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  const args = ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder];
  try {
    const command = new Deno.Command("mount", { args, stdout: "null", stderr: "null" });
    return (await command.output()).success;
  } catch {
    return false; // No such program.
  }
}

/** True where a small disk can be mounted for a test. */
async function canMount(): Promise<boolean> {
  const folder = await Deno.makeTempDir({ prefix: "lethe_test_" });
  const mounted = await mountDisk(folder, 65536);
  if (mounted) await new Deno.Command("umount", { args: [folder] }).output();
  else console.warn("no disk can be mounted here: the test of a full disk is skipped");
  await Deno.remove(folder);
  return mounted;
}

Deno.test({
  name: "erase on a disk that fills up says so, and goes on once there is room",
  ignore: !await canMount(),
  async fn() {
    await withTemporaryFolder(async (folder) => {
      await writeTinyModel(folder);
      await Deno.mkdir(`${folder}/disk`);
      // Room for the teacher's snapshot, but not while its successor is written.
      const bytes = 3.5 * tinyModelBytes().length;
      assert.ok(await mountDisk(`${folder}/disk`, bytes));
      try {
        const finished = await runTask("erase", [...ARGS, "--out", "disk/run"], { folder });
        assertRefused(
          finished,
          1,
          /cannot write disk\/run\/.*: the disk is full; what was there is/,
        );
        const files = await filesUnder(`${folder}/disk/run`);
        assert.ok(files.includes("run.json") && files.every((name) => !name.endsWith(".tmp")));
        const remount = ["-o", "remount,size=16m", `${folder}/disk`];
        assert.ok((await new Deno.Command("mount", { args: remount }).output()).success);
        const resumed = await runTask("erase", ["--resume", "disk/run"], { folder });
        assert.equal(resumed.code, 0, resumed.stderr);
        assert.doesNotMatch(resumed.stderr, /teacher epoch 1\/2/);
      } finally {
        await new Deno.Command("umount", { args: [`${folder}/disk`] }).output();
      }
    });
  },
});
