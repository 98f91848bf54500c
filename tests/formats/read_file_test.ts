import assert from "node:assert/strict";
import { FormatError } from "../../src/errors.ts";
import {
  checkRegularFile,
  fileStream,
  readRegularFile,
  readTextFile,
} from "../../src/formats/read_file.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { makeLink, makePipe } from "../special_files.ts";

const PLAN = { what: "the plan", limit: 1024 };

async function refused(path: string, pattern: RegExp): Promise<void> {
  for (const read of [checkRegularFile, readRegularFile, readTextFile]) {
    await assert.rejects(read(path, PLAN), (error) => {
      assert.ok(error instanceof FormatError, String(error));
      assert.match(error.message, /^cannot read the plan /);
      assert.match(error.message, pattern);
      // deno-lint-ignore no-control-regex
      assert.ok(error.message.length < 400 && !/[\x00-\x1f\x7f]/.test(error.message));
      return true;
    });
  }
}

Deno.test("readRegularFile() refuses in words whatever is no regular file within the limit", () =>
  withTemporaryFolder(async (folder) => {
    await refused(`${folder}/none`, /: there is no such file$/);
    await refused(folder, /: found a folder, expected a regular file of at most 1024 bytes$/);
    await Deno.writeFile(`${folder}/large`, new Uint8Array(1025));
    await refused(`${folder}/large`, /: found 1025 bytes, expected/);
    await refused(`${folder}/large/below`, /: there is no such file$/);
    await makeLink(`${folder}/loop`, `${folder}/loop`);
    await refused(`${folder}/loop`, /: its links lead in a circle$/);
    await refused(`${folder}/${"n".repeat(5000)}`, /more characters: its path is too long$/);
    await refused("a\0b", /"a\\u0000b": its path holds a NUL character$/);
    await refused("", /"": its path is empty$/);
    await refused(`${folder}/\x1b[2J`, /\\u001b\[2J": there is no such file$/);
  }));

Deno.test({
  name: "readRegularFile() refuses devices and pipes without opening them",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withTemporaryFolder(async (folder) => {
      await refused("/dev/zero", /: found a device or pipe, expected a regular file/);
      await makePipe(`${folder}/pipe`);
      await refused(`${folder}/pipe`, /: found a device or pipe, expected a regular file/);
    }),
});

Deno.test({
  name: "readRegularFile() refuses a file without permission in words",
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
  fn: () =>
    withTemporaryFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/locked`, "{}", { mode: 0 });
      await assert.rejects(
        readRegularFile(`${folder}/locked`, PLAN),
        /cannot read the plan .*: no permission to read it$/,
      );
    }),
});

Deno.test("readRegularFile() gives a file's bytes, and none of an empty one", () =>
  withTemporaryFolder(async (folder) => {
    const bytes = Uint8Array.from({ length: 1024 }, (_, i) => i);
    await Deno.writeFile(`${folder}/file`, bytes);
    assert.deepEqual(await readRegularFile(`${folder}/file`, PLAN), bytes);
    await Deno.writeFile(`${folder}/empty`, new Uint8Array(0));
    assert.deepEqual(await readRegularFile(`${folder}/empty`, PLAN), new Uint8Array(0));
  }));

Deno.test("readTextFile() takes UTF-8 with or without a byte order mark, and nothing else", () =>
  withTemporaryFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "\ufeff{}");
    assert.equal(await readTextFile(`${folder}/file`, PLAN), "{}");
    await Deno.writeFile(`${folder}/file`, Uint8Array.of(0x7b, 0xff, 0x7d));
    await assert.rejects(
      readTextFile(`${folder}/file`, PLAN),
      /found bytes that are not UTF-8, expected text$/,
    );
  }));

Deno.test("fileStream() gives all bytes, and says in words where reading fails", async () => {
  await withTemporaryFolder(async (folder) => {
    const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251);
    await Deno.writeFile(`${folder}/a`, bytes);
    const whole = fileStream(await Deno.open(`${folder}/a`), "cannot read a");
    assert.deepEqual(await new Response(whole).bytes(), bytes);
    await fileStream(await Deno.open(`${folder}/a`), "cannot read a").cancel();
    if (Deno.build.os === "windows") return;
    // The system opens a folder, but does not read it.
    const broken = fileStream(await Deno.open(folder), "cannot read it");
    await assert.rejects(
      broken.getReader().read(),
      new FormatError("cannot read it: it is a folder"),
    );
  });
});
