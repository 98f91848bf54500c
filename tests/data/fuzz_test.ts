/**
 * Damaged data sets, to each parser: 500 by default, `LETHE_FUZZ=20000` for a long run. See
 * `tests/formats/fuzz_test.ts` for the formats of single files.
 */

import { gzipSync, zipSync } from "npm:fflate@0.8.3";
import { packTar } from "npm:modern-tar@0.8.6";
import { memoryTree, openArchive } from "../../src/data/archive_tree.ts";
import { parseClassNames } from "../../src/data/class_names.ts";
import { walkFiles } from "../../src/data/file_tree.ts";
import { parseTable } from "../../src/data/gtsrb_table.ts";
import { parseLabels } from "../../src/data/label_table.ts";
import { parseIdx } from "../../src/data/idx.ts";
import { assertRefusesDamage } from "../formats/mutate.ts";

const SEED = 20240616;

const TABLE = `Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\r
00000.ppm;53;54;6;5;48;49;16\r
00001.ppm;42;45;5;5;36;40;1\r
`;

Deno.test("parseIdx() refuses damage with a FormatError, soon", async () => {
  const images = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, ...Array(12).keys());
  await assertRefusesDamage((bytes) => parseIdx(bytes, 3, "a file"), [images], SEED);
});

Deno.test("parseTable() refuses damage with a FormatError, soon", async () => {
  const decoder = new TextDecoder();
  const corpus = [new TextEncoder().encode(TABLE)];
  await assertRefusesDamage((bytes) => parseTable(decoder.decode(bytes), "a file"), corpus, SEED);
});

Deno.test("parseLabels() refuses damage with a FormatError, soon", async () => {
  const decoder = new TextDecoder();
  const corpus = ['file,label\n1.png,"a ""cat"""\n2.png,dog\n', "id;class\r\n1;2\r\n3;4\r\n"]
    .map((text) => new TextEncoder().encode(text));
  await assertRefusesDamage((bytes) => parseLabels(decoder.decode(bytes), "a file"), corpus, SEED);
});

Deno.test("parseClassNames() refuses damage with a FormatError, soon", async () => {
  const decoder = new TextDecoder();
  const corpus = [
    '["cat", "dog", "bird"]',
    '{"0": "cat", "1": "dog"}',
    '{"id2label": {"0": "a", "1": "b"}}',
    "cat\ndog\n",
  ]
    .map((text) => new TextEncoder().encode(text));
  await assertRefusesDamage(
    (bytes) => parseClassNames(decoder.decode(bytes), "a file"),
    corpus,
    SEED,
  );
});

const file = (name: string, size: number) => ({
  header: { name, size, type: "file" as const },
  body: new Uint8Array(size).fill(65),
});

const TAR = await packTar([
  { header: { name: "set/", type: "directory", size: 0 } },
  file("set/one.bin", 700),
  file(`set/${"long".repeat(40)}.bin`, 512),
]);

/** Opens bytes as an archive and reads all that is in it. */
async function readAll(bytes: Uint8Array): Promise<void> {
  const tree = await openArchive(memoryTree("a page", new Map([["x", bytes.slice()]])), "x");
  for (const name of (await walkFiles(tree!, "")).files) {
    await tree!.read(name, { what: "the file", limit: 1 << 20 });
  }
}

const ARCHIVES: readonly (readonly [string, Uint8Array, (bytes: Uint8Array) => Uint8Array])[] = [
  ["tar files", TAR, (bytes) => bytes],
  ["tar files in sound gzip", TAR, (bytes) => gzipSync(bytes, { level: 1 })],
  ["damaged gzip", gzipSync(TAR), (bytes) => bytes],
  ["zip files", zipSync({ "a/1.png": TAR.subarray(0, 900), "b/": {} }), (bytes) => bytes],
];

for (const [what, archive, seal] of ARCHIVES) {
  Deno.test(`openArchive() refuses ${what} with a FormatError, soon`, async () => {
    await assertRefusesDamage((bytes) => readAll(seal(bytes)), [archive], SEED);
  });
}
