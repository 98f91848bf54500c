import assert from "node:assert/strict";
import { FormatError } from "../../src/errors.ts";
import { readCheckpoint } from "../../src/formats/checkpoint.ts";
import { MAXIMUM_CHECKPOINT_BYTES } from "../../src/formats/parse_checkpoint.ts";
import { writeSafetensors } from "../../src/formats/safetensors.ts";
import { writeTorch } from "../../src/formats/torch_write.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { shared } from "../shared.ts";
import { assertSameTensors, tensor } from "./assertions.ts";

const state = new Map([["w", tensor("float32", [2], Float32Array.of(1, -2))]]);

async function refused(path: string, pattern: RegExp): Promise<void> {
  await assert.rejects(readCheckpoint(path), (error) => {
    assert.ok(error instanceof FormatError, String(error));
    assert.match(error.message, pattern);
    assert.ok(error.message.includes(path));
    return true;
  });
}

Deno.test("readCheckpoint() tells formats apart by content, not by name", () =>
  withTemporaryFolder(async (folder) => {
    const path = `${folder}/model.pth`;
    await Deno.writeFile(path, writeSafetensors(state, new Map([["arch", "wrn-16-1"]])));
    const safetensors = await readCheckpoint(path);
    assert.equal(safetensors.format, "safetensors");
    assertSameTensors(safetensors.tensors, state);
    assert.deepEqual([...safetensors.metadata], [["arch", "wrn-16-1"]]);

    const other = `${folder}/model.safetensors`;
    await Deno.writeFile(other, writeTorch(state));
    const torch = await readCheckpoint(other);
    assert.equal(torch.format, "torch");
    assertSameTensors(torch.tensors, state);
  }));

Deno.test("readCheckpoint() says what is wrong with a path", () =>
  withTemporaryFolder(async (folder) => {
    await refused(`${folder}/none.pth`, /there is no such file/);
    await refused(folder, /found a folder, expected a regular file/);
    await Deno.writeFile(`${folder}/empty`, new Uint8Array(0));
    await refused(`${folder}/empty`, /found an empty file/);
    await refused(`${folder}/empty/below`, /there is no such file/);
    await Deno.writeTextFile(`${folder}/short`, "short");
    await refused(`${folder}/short`, /found a file of 5 bytes/);
    await Deno.writeTextFile(`${folder}/text`, "not a checkpoint");
    await refused(
      `${folder}/text`,
      /16 bytes that starts with 6e6f742061206368, expected safetensors/,
    );
    using file = await Deno.open(`${folder}/large`, { write: true, create: true });
    await file.truncate(MAXIMUM_CHECKPOINT_BYTES + 1);
    await refused(
      `${folder}/large`,
      /found 2147483649 bytes, expected a regular file of at most 2 GiB/,
    );
  }));

Deno.test("readCheckpoint() refuses truncated files of either format", () =>
  withTemporaryFolder(async (folder) => {
    const path = `${folder}/model`;
    for (const bytes of [writeSafetensors(state), writeTorch(state)]) {
      for (const length of [12, 60, bytes.length - 1]) {
        await Deno.writeFile(path, bytes.subarray(0, length));
        await refused(path, /cannot read (safetensors|PyTorch) file .*found/);
      }
    }
  }));

const published = shared("checkpoints/nad-authors-teacher.pth.tar");
Deno.test({
  name: "readCheckpoint() reads the shared nad-authors-teacher.pth.tar with its metadata",
  ignore: published === undefined,
  fn: async () => {
    const { tensors, metadata, format } = await readCheckpoint(published!.pathname);
    assert.equal(format, "torch");
    assert.equal(tensors.size, 82);
    assert.deepEqual([...metadata], [["epoch", "13"], ["best_prec", "84.39"]]);
  },
});
