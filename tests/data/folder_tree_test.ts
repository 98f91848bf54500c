import assert from "node:assert/strict";
import { walkFiles } from "../../src/data/file_tree.ts";
import { folderTree, openPlace } from "../../src/data/folder_tree.ts";
import { kindOf } from "../../src/data/paths.ts";
import { FormatError } from "../../src/errors.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";

const ANY = { what: "the file", limit: 1000 };

async function write(path: string): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, path.slice(-5));
}

/** Makes what Deno cannot or may not: links, a FIFO, names that are not UTF-8. */
async function shell(command: string, folder: string): Promise<void> {
  const { success } = await new Deno.Command("sh", { args: ["-c", command], cwd: folder }).output();
  assert.ok(success, command);
}

async function refuses(promise: Promise<unknown>, pattern: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof FormatError, `found ${error}`);
    assert.match(error.message, pattern);
    return true;
  });
}

Deno.test("walkFiles() lists files by folder and name, in the order of code points", async () => {
  await withTemporaryFolder(async (folder) => {
    const names = ["b/\u{1f600}", "b/\uff5e", "b/a/x", "b/a b/x", "b/z", "a/1", "a/.hidden"];
    for (const name of names) await write(`${folder}/${name}`);
    const { files, passedOver } = await walkFiles(folderTree(folder), "");
    // As torchvision's make_dataset: sorted folders, and in each sorted files.
    const expected = ["a/1", "b/z", "b/\uff5e", "b/\u{1f600}", "b/a/x", "b/a b/x"];
    assert.deepEqual(files, expected);
    assert.equal(passedOver.count, 1);
  });
});

Deno.test("walkFiles() passes over links in circles, to nothing, devices, pipes and odd names", async () => {
  await withTemporaryFolder(async (folder) => {
    await write(`${folder}/a/file`);
    await shell("ln -s file a/link", folder);
    await shell("ln -s .. a/up", folder);
    await shell("ln -s self self", folder);
    await shell("ln -s nowhere dangling", folder);
    await shell("ln -s /dev/zero zero", folder);
    await shell("ln -s a z", folder);
    await shell(
      "mkfifo fifo; printf x > \"$(printf 'x\\377.png')\"; mkdir \"$(printf 'y\\377')\"",
      folder,
    );
    const { files, passedOver } = await walkFiles(folderTree(folder), "");
    assert.deepEqual(files, ["a/file", "a/link"]);
    const text = passedOver.text();
    assert.match(text, /2 links that lead nowhere \(first "(self|dangling)"\)/);
    assert.match(text, /2 devices or pipes/);
    assert.match(text, /2 names that are not UTF-8/);
    assert.match(text, /2 folders that links lead to again/);
    assert.equal(passedOver.count, 8);
  });
});

Deno.test("links among folders do not multiply the folders that are walked", async () => {
  await withTemporaryFolder(async (folder) => {
    for (let i = 0; i < 12; i++) await write(`${folder}/${i}/file`);
    await shell("for i in *; do for j in *; do ln -s ../$j $i/to$j; done; done", folder);
    const { files } = await walkFiles(folderTree(folder), "");
    assert.equal(files.length, 12);
  });
});

Deno.test("paths that cannot be looked at are refused in words", async () => {
  await withTemporaryFolder(async (folder) => {
    await shell("ln -s loop loop", folder);
    await refuses(kindOf(`${folder}/loop`), /its links lead in a circle/);
    await refuses(kindOf("x".repeat(5000)), /"x{200}" and 4800 more .*its path is too long/);
    await refuses(kindOf("a\0b"), /cannot look at "a\\u0000b": its path holds a NUL/);
    await refuses(folderTree(`${folder}/loop`).list(""), /its links lead in a circle/);
    await refuses(folderTree(`${folder}/none`).list(""), /there is no such folder/);
    await refuses(folderTree("/dev/null").list(""), /there is no such folder/);
    await refuses(
      folderTree("/dev").read("zero", ANY),
      /a device or pipe, expected a regular file/,
    );
    await refuses(folderTree("/dev").stream("zero"), /a device or pipe, expected a regular file/);
    assert.equal(await folderTree("/dev").sizeOf("zero"), undefined);
    await write(`${folder}/large`);
    await refuses(folderTree(folder).read("large", { ...ANY, limit: 2 }), /found 5 bytes/);
  });
});

const isRoot = Deno.uid() === 0;
if (isRoot) console.warn("this user may read everything: tests of locked folders are skipped");

Deno.test({
  name: "a folder or file without permission to it is refused in words",
  ignore: isRoot,
  async fn() {
    await withTemporaryFolder(async (folder) => {
      await write(`${folder}/locked/file`);
      await write(`${folder}/secret`);
      await Deno.chmod(`${folder}/secret`, 0);
      await Deno.chmod(`${folder}/locked`, 0);
      const tree = folderTree(folder);
      await refuses(tree.list("locked"), /cannot read the folder .*locked: no permission/);
      await refuses(tree.sizeOf("locked/file"), /no permission/);
      await refuses(tree.read("secret", ANY), /no permission/);
      await Deno.chmod(`${folder}/locked`, 0o700);
    });
  },
});

Deno.test("openPlace() names the one file where a file is given", async () => {
  await withTemporaryFolder(async (folder) => {
    await write(`${folder}/a/file`);
    const tree = await openPlace(`${folder}/a/file`);
    assert.equal(tree.only, "file");
    assert.equal(tree.source, `${folder}/a`);
    assert.equal(await tree.sizeOf("file"), 5);
    assert.equal((await openPlace(folder)).only, undefined);
    assert.equal((await openPlace("README.md")).source, ".");
  });
});
