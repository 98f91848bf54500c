import assert from "node:assert/strict";
import { zipSync } from "npm:fflate@0.8.3";
import { inflateExactly } from "../../src/formats/inflate.ts";
import { refusal } from "../../src/formats/refusal.ts";
import { extractZipEntry, readZipDirectory } from "../../src/formats/zip.ts";
import { writeStoredZip } from "../../src/formats/zip_write.ts";
import { assertRefused } from "./assertions.ts";

const refuse = refusal("ZIP file", "a file");

const read = (bytes: Uint8Array) => readZipDirectory(bytes, refuse);

const refused = (bytes: Uint8Array, pattern: RegExp) => assertRefused(() => read(bytes), pattern);

const file = (name: string, ...bytes: number[]) => ({ name, bytes: Uint8Array.from(bytes) });

/** Changes one field of the first directory entry. */
function patched(bytes: Uint8Array, offset: number, value: number, size: 2 | 4): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  const at = view.getUint32(copy.length - 6, true) + offset;
  if (size === 2) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
  return copy;
}

Deno.test("readZipDirectory() and extractZipEntry() read what fflate and writeStoredZip() write", () => {
  const big = new Uint8Array(100_000).fill(7);
  const archives = [
    zipSync({ "a/b": Uint8Array.of(1, 2), "a/": new Uint8Array(0), big }, { level: 9 }),
    zipSync({ "a/b": Uint8Array.of(1, 2), big }, { level: 0, comment: "hello" }),
    writeStoredZip([file("a/b", 1, 2), { name: "big", bytes: big }], 64),
  ];
  for (const archive of archives) {
    const entries = read(archive);
    assert.deepEqual([...entries.keys()], ["a/b", "big"]);
    assert.deepEqual(extractZipEntry(entries.get("a/b")!, refuse), Uint8Array.of(1, 2));
    assert.deepEqual(extractZipEntry(entries.get("big")!, refuse), big);
  }
  assert.equal(read(writeStoredZip([], 1)).size, 0);
});

Deno.test("readZipDirectory() refuses names that leave the archive", () => {
  for (const name of ["../a", "a/../../b", "/etc/passwd", "C:/a", "a\\b", "a\0b", "./a", ""]) {
    refused(writeStoredZip([file(name, 1)], 1), /a ZIP entry named ".*", expected a relative path/);
  }
  assert.equal(read(writeStoredZip([file("a..b/..c", 1)], 1)).size, 1);
});

Deno.test("readZipDirectory() refuses doubled names and entries that overlap", () => {
  refused(writeStoredZip([file("a", 1), file("a", 2)], 1), /ZIP entry "a" twice/);
  const two = writeStoredZip([file("a", 1, 1), file("b", 2, 2)], 1);
  const longer = patched(patched(two, 20, 30, 4), 24, 30, 4);
  refused(longer, /ZIP entries "a" and "b" that overlap/);
});

Deno.test("readZipDirectory() refuses sizes that cannot be true", () => {
  const one = writeStoredZip([file("a", 1, 2, 3)], 1);
  refused(patched(one, 24, 4, 4), /sizes that agree/);
  refused(patched(patched(one, 20, 999, 4), 24, 999, 4), /sizes that agree and fit the file/);
  refused(patched(patched(one, 20, 2 ** 32 - 1, 4), 24, 2 ** 32 - 1, 4), /fit the file/);
});

Deno.test("readZipDirectory() refuses what it does not read", () => {
  const one = writeStoredZip([file("a", 1, 2, 3)], 1);
  refused(patched(one, 8, 1, 2), /encrypted ZIP entry "a"/);
  refused(patched(one, 10, 12, 2), /compression method 12/);
  refused(patched(one, 42, 9, 4), /no header of ZIP entry "a" at byte 9/);
  refused(patched(one, 42, 2 ** 32 - 1, 4), /no header of ZIP entry/);
  refused(
    patched(writeStoredZip([file("ab", 1)], 1), 46, 0x6463, 2),
    /ZIP entry "cd" with a header for "ab"/,
  );
  refused(new Uint8Array(100), /no ZIP directory/);
  refused(new Uint8Array(0), /no ZIP directory/);
});

Deno.test("extractZipEntry() refuses damaged data", () => {
  const one = writeStoredZip([file("a", 1, 2, 3)], 1);
  const [entry] = read(one).values();
  entry!.packed[1] = 9;
  assertRefused(() => extractZipEntry(entry!, refuse), /ZIP entry "a" with a wrong checksum/);
});

Deno.test("inflateExactly() refuses bombs, wrong sizes and damaged streams", () => {
  const contents = new Uint8Array(5_000_000);
  const entry = read(zipSync({ a: contents }, { level: 9 })).get("a")!;
  const inflate = (size: number, bytes = entry.packed) =>
    inflateExactly(bytes, size, "deflate", refuse);
  assert.deepEqual(inflate(5_000_000), contents);
  const tail = new Uint8Array(entry.packed.length + 10_000_000);
  tail.set(entry.packed);
  assert.deepEqual(inflate(5_000_000, tail), contents, "a stream ends where it ends");
  assertRefused(() => inflate(1000), /more than 1000 bytes, expected exactly 1000/);
  assertRefused(() => inflate(5_000_001), /5000000 bytes of decompressed data/);
  assertRefused(() => inflate(2 ** 31), /compressed bytes, expected enough to hold 2147483648/);
  const half = entry.packed.subarray(0, entry.packed.length / 2);
  assertRefused(() => inflate(2_000_000, half), /complete deflate stream/);
  assertRefused(() => inflate(9, Uint8Array.of(7, 255, 255)), /complete deflate stream/);
});
