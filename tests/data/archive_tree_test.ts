import assert from "node:assert/strict";
import { gzipSync, strToU8, zipSync } from "npm:fflate@0.8.3";
import { packTar } from "npm:modern-tar@0.8.6";
import { memoryTree, openArchive } from "../../src/data/archive_tree.ts";
import { type FileTree, walkFiles } from "../../src/data/file_tree.ts";
import { loadImageFolder } from "../../src/data/image_folder.ts";
import { DataError, FormatError } from "../../src/errors.ts";
import { encodePng } from "../../src/formats/png_write.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const ANY = { what: "the file", limit: 1 << 20 };

const open = async (bytes: Uint8Array): Promise<FileTree> =>
  (await openArchive(memoryTree("a page", new Map([["set", new Uint8Array(bytes)]])), "set"))!;

const tarEntry = (name: string, body: Bytes, type: "file" | "symlink" | "fifo" = "file") => ({
  header: { name, size: body.length, type, ...type === "file" ? {} : { linkname: "/etc/passwd" } },
  body,
});

async function refuses(promise: Promise<unknown>, pattern: RegExp, type = FormatError) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof type, `found ${error}`);
    assert.match(error.message, pattern);
    return true;
  });
}

/** Pictures of two classes by name; their order tells them apart. */
function pictures(count: number): Record<string, Bytes> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `set/${"ab"[i % 2]}/${i}.png`,
      encodePng({ height: 4, width: 4, pixels: new Uint8Array(48).fill(i) }),
    ]),
  );
}

const files = pictures(20);
const tarOf = (prefix = "") =>
  packTar(Object.entries(files).map(([name, body]) => tarEntry(prefix + name, body)));

Deno.test("zip, tar and tar.gz of pictures give the same images as memory", async () => {
  const { train, test, classNames } = await loadImageFolder(
    memoryTree("m", new Map(Object.entries(files))),
  );
  assert.deepEqual(classNames, ["a", "b"]);
  assert.deepEqual([train.labels.length, test.labels.length], [16, 4]);
  assert.equal(test.pixels[0]! % 2, 0);
  for (
    const bytes of [
      zipSync(files),
      zipSync(files, { level: 0 }),
      await tarOf(),
      await tarOf("./"),
      await tarOf(`${"long".repeat(40)}/`),
      await tarOf(`${"\u00e9".repeat(90)}/`),
      gzipSync(await tarOf()),
    ]
  ) {
    const found = await loadImageFolder(await open(bytes));
    assert.deepEqual([found.train, found.test, found.classNames], [train, test, classNames]);
  }
});

Deno.test("openArchive() passes over links and pipes, and refuses names that leave the archive", async () => {
  const empty = new Uint8Array();
  const odd = [tarEntry("a/link", empty, "symlink"), tarEntry("a/pipe", empty, "fifo")];
  const tree = await open(await packTar([...odd, tarEntry("a/b", Uint8Array.of(7))]));
  const { files, passedOver } = await walkFiles(tree, "");
  assert.deepEqual(files, ["a/b"]);
  assert.match(passedOver.text(), /1 entries of kind symlink .*1 entries of kind fifo/);
  assert.deepEqual(await tree.read("a/b", ANY), Uint8Array.of(7));
  assert.equal(await tree.sizeOf("a/none"), undefined);
  await refuses(tree.read("a/none", ANY), /expected that file/);
  await refuses(tree.read("a/b", { ...ANY, limit: 0 }), /found 1 bytes, expected at most 0/);
  for (const name of ["../x", "a/../../x", "/x", "a\\..\\x"]) {
    await refuses(packTar([tarEntry(name, empty)]).then(open), /expected paths inside the archive/);
  }
  const deep = await open(await packTar([tarEntry("d/".repeat(70) + "x", empty)]));
  assert.match((await walkFiles(deep, "")).passedOver.text(), /1 names that are too long/);
});

Deno.test("openArchive() refuses other kinds of files, and what is cut off", async () => {
  for (const bytes of [new Uint8Array(), strToU8("7z\xbc\xaf"), strToU8("hello")]) {
    await refuses(open(bytes), /found another kind of file, expected zip, tar or tar.gz/);
  }
  const tar = await tarOf();
  for (const length of [512, 1000, 4096, tar.length - 1024]) {
    await refuses(open(tar.slice(0, length)), /a tar archive that is cut off/);
    await refuses(open(gzipSync(tar.slice(0, length))), /a tar archive that is cut off/);
  }
  await refuses(open(gzipSync(tar).slice(0, 200)), /found damaged data/);
  await refuses(open(gzipSync(strToU8("no tar archive".repeat(50)))), /in a tar header/);
});

Deno.test("archives that unpack to many times their size are refused before they fill memory", async () => {
  const zip = zipSync({ "set/a/big.png": new Uint8Array(200_000) });
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  const directory = view.getUint32(zip.length - 6, true);
  view.setUint32(directory + 24, 120 << 20, true);
  await refuses(open(zip), /125829120 bytes in an archive of .*unpack it and give the folder/);
  const header = (await packTar([tarEntry("x", new Uint8Array())])).slice(0, 512);
  const claim = (size: number) => {
    const bytes = header.slice();
    bytes.set(strToU8(size.toString(8).padStart(11, "0")), 124);
    bytes.fill(32, 148, 156);
    const sum = bytes.reduce((total, byte) => total + byte, 0);
    bytes.set(strToU8(sum.toString(8).padStart(6, "0") + "\0 "), 148);
    return bytes;
  };
  await refuses(open(claim(2 ** 32)), /4294967296 bytes in an archive of 512/);
  await refuses(open(gzipSync(claim(2 ** 32))), /4294967296 bytes in an archive of/);
  await refuses(open(gzipSync(claim(90 << 20))), /a tar archive that is cut off/);
});

Deno.test("an archive of more tiny pictures than memory can hold at 32x32 is refused", async () => {
  const dot = strToU8("P6 1 1 255\nabc");
  const many = Array.from({ length: 60_000 }, (_, i) => [`${"ab"[i % 2]}/${i}.ppm`, dot] as const);
  const tree = { ...memoryTree("m", new Map(many)), archiveBytes: 6_000_000 };
  await refuses(
    loadImageFolder(tree),
    /cannot load 60000 images out of .*expected at most \d+ images in so few/,
    DataError,
  );
  const { train } = await loadImageFolder(tree, { parts: ["train"], trainLimit: 10 });
  assert.deepEqual([...train.labels], [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
});
