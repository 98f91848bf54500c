import assert from "node:assert/strict";
import { FormatError } from "../../src/errors.ts";
import { writeFileAtomic } from "../../src/formats/write_file.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(folder)) found.push(name);
  return found.sort();
}

Deno.test("writeFileAtomic() creates and replaces files and leaves nothing else behind", () =>
  withTemporaryFolder(async (folder) => {
    const path = `${folder}/model.safetensors`;
    for (const length of [3, 5_000_000, 0]) {
      const bytes = new Uint8Array(length).fill(length % 251);
      await writeFileAtomic(path, bytes);
      assert.deepEqual(await Deno.readFile(path), bytes);
      assert.deepEqual(await names(folder), ["model.safetensors"]);
    }
  }));

Deno.test("writeFileAtomic() keeps the old file and removes its own where renaming fails", () =>
  withTemporaryFolder(async (folder) => {
    const path = `${folder}/taken`;
    await Deno.mkdir(path);
    await Deno.writeTextFile(`${path}/old`, "old");
    await assert.rejects(writeFileAtomic(path, Uint8Array.of(1)), (error) => {
      assert.ok(error instanceof FormatError);
      assert.match(error.message, /^cannot write .*taken: .*; what was there is unchanged$/);
      return true;
    });
    assert.deepEqual(await names(folder), ["taken"]);
    assert.equal(await Deno.readTextFile(`${path}/old`), "old");
  }));

Deno.test("writeFileAtomic() says where a folder is missing", () =>
  withTemporaryFolder(async (folder) => {
    await assert.rejects(
      writeFileAtomic(`${folder}/none/model`, Uint8Array.of(1)),
      (error) => error instanceof FormatError && /folder does not exist/.test(error.message),
    );
  }));

Deno.test({
  name: "writeFileAtomic() says so where it has no permission",
  permissions: { write: false },
  fn: async () => {
    await assert.rejects(
      writeFileAtomic("model.safetensors", Uint8Array.of(1)),
      (error) => error instanceof FormatError && /no permission to write/.test(error.message),
    );
  },
});

const FULL = "/dev/full";

function hasFullDevice(): boolean {
  try {
    return Deno.statSync(FULL).isCharDevice === true;
  } catch {
    return false;
  }
}

Deno.test({
  name: "writeFileAtomic() explains a full disk",
  ignore: !hasFullDevice(),
  fn: () =>
    withTemporaryFolder(async (folder) => {
      const open = Deno.open;
      const path = `${folder}/model`;
      await Deno.writeTextFile(path, "old");
      // The device that is always full stands in for the temporary file.
      Deno.open = async (temporary, options) => {
        (await open(temporary, options)).close();
        return await open(FULL, { write: true });
      };
      try {
        await assert.rejects(
          writeFileAtomic(path, Uint8Array.of(1)),
          (error) => error instanceof FormatError && /the disk is full/.test(error.message),
        );
      } finally {
        Deno.open = open;
      }
      assert.equal(await Deno.readTextFile(path), "old");
      assert.deepEqual(await names(folder), ["model"]);
    }),
});
