import assert from "node:assert/strict";
import { memoryTree } from "../../src/data/archive_tree.ts";
import { loadDataset } from "../../src/data/datasets.ts";
import { loadImageFolder } from "../../src/data/image_folder.ts";
import { readParquetTable } from "../../src/data/parquet.ts";
import { readThrift } from "../../src/data/thrift.ts";
import { refusal } from "../../src/formats/refusal.ts";
import { decodeImage } from "../../src/formats/images.ts";
import { assertRefusesDamage } from "../formats/mutate.ts";
import { GZIP_V2, PLAIN, SNAPPY, ZSTD } from "./parquet_files.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";

const SEED = 20261130;

const read = (bytes: Uint8Array<ArrayBuffer>) => readParquetTable(bytes, refusal("file", "x"));

Deno.test("readParquetTable() reads images, labels and names, however they are packed", () => {
  for (const bytes of [SNAPPY, GZIP_V2, PLAIN]) {
    const { images, labels, labelNames } = read(bytes);
    assert.deepEqual(labels, [1, 0, 1, null]);
    assert.deepEqual(labelNames, ["cat", "dog"]);
    const values = images.map((image) =>
      image instanceof Uint8Array ? decodeImage(image, "x").pixels[11] : image
    );
    assert.deepEqual(values, [10, 20, null, 40]);
  }
});

Deno.test("loadImageFolder() reads Parquet files, which their names divide", async () => {
  const tree = memoryTree(
    "set",
    new Map([
      ["README.md", new Uint8Array(3)],
      ["data/train-00000-of-00002.parquet", SNAPPY],
      ["data/train-00001-of-00002.parquet", GZIP_V2],
      ["data/validation-00000-of-00001.parquet", PLAIN],
    ]),
  );
  const notices: string[] = [];
  const { train, test, classNames } = await loadImageFolder(tree, {
    onNotice: (text) => notices.push(text),
  });
  assert.deepEqual(classNames, ["cat", "dog"]);
  assert.deepEqual([...train.labels], [1, 0, 1, 0]);
  assert.deepEqual([...test.labels], [1, 0]);
  assert.deepEqual([test.pixels[0], test.pixels[3072]], [10, 20]);
  assert.match(notices[0]!, /3 rows without an image \(first "data\/train-00000.*#2"\)/);
  assert.match(notices[0]!, /3 rows without a label/);
  const renamed = await loadImageFolder(tree, { classNames: ["katze", "hund", "maus"] });
  assert.deepEqual(renamed.classNames, ["katze", "hund", "maus"]);
});

Deno.test("loadDataset() reads a Parquet file by its path", async () => {
  await withTemporaryFolder(async (folder) => {
    await Deno.writeFile(`${folder}/train.parquet`, SNAPPY);
    const request = { name: `${folder}/train.parquet`, testShare: 0.5 };
    await assert.rejects(loadDataset(request), { name: "UsageError", message: /hold out/ });
    await Deno.writeFile(`${folder}/test.parquet`, PLAIN);
    const { test } = await loadDataset({ name: folder });
    assert.deepEqual([...test.labels], [1, 0]);
  });
});

Deno.test("readParquetTable() refuses what it does not read, and counts that cannot be true", () => {
  const refused = (bytes: Uint8Array<ArrayBuffer>, message: RegExp) =>
    assert.throws(() => read(bytes), { name: "FormatError", message });
  refused(ZSTD, /found a column packed by ZSTD, expected UNCOMPRESSED, SNAPPY, GZIP/);
  for (const length of [0, 3, 11, 100, SNAPPY.length - 1]) {
    refused(SNAPPY.slice(0, length), /found damaged metadata/);
  }
  const long = SNAPPY.slice();
  new DataView(long.buffer).setUint32(long.length - 8, 0xffffffff, true);
  refused(long, /found damaged metadata/);
});

Deno.test("readParquetTable() refuses damage with a FormatError, soon", async () => {
  const corpus = [SNAPPY, GZIP_V2, PLAIN];
  await assertRefusesDamage((bytes) => read(new Uint8Array(bytes)), corpus, SEED);
});

Deno.test("readThrift() refuses lists of more elements than bytes, and endless depth", () => {
  const list = Uint8Array.of(0x19, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07, 0);
  assert.equal(readThrift(list, 0), undefined);
  assert.equal(readThrift(new Uint8Array(100_000).fill(0x1c), 0), undefined);
  const found = readThrift(Uint8Array.of(0x15, 0x03, 0x11, 0x1c, 0x15, 0x80, 0x02, 0, 0), 0);
  assert.deepEqual([...found!.numbers], [[1, -2], [2, 1]]);
  assert.deepEqual([...found!.structs.get(3)!.numbers], [[1, 128]]);
  assert.equal(found!.end, 9);
});
