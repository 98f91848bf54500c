/**
 * Damaged data sets, to each parser: 500 by default, `LETHE_FUZZ=20000` for a long run. See
 * `tests/formats/fuzz_test.ts` for the formats of single files.
 */

import { gzipSync } from "npm:fflate@0.8.3";
import { packTar } from "npm:modern-tar@0.8.6";
import { parseTable } from "../../src/data/gtsrb_table.ts";
import { parseIdx } from "../../src/data/idx.ts";
import { visitTarGzip } from "../../src/data/tar_gzip.ts";
import { assertRefusesDamage } from "../formats/mutate.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";

const SEED = 20240616;

/** Bytes to which a damaged archive may expand. */
const MAXIMUM_BYTES = 100_000;

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

for (const sealed of [true, false]) {
  const what = sealed ? "tar files in sound gzip" : "damaged gzip";
  Deno.test(`visitTarGzip() refuses ${what} with a FormatError, soon`, async () => {
    const file = (name: string, size: number) => ({
      header: { name, size, type: "file" as const },
      body: new Uint8Array(size).fill(65),
    });
    const tar = await packTar([
      { header: { name: "set/", type: "directory", size: 0 } },
      file("set/one.bin", 700),
      file(`set/${"long".repeat(40)}.bin`, 512),
    ]);
    await withTemporaryFolder(async (folder) => {
      const path = `${folder}/archive.tar.gz`;
      const read = async (bytes: Uint8Array) => {
        await Deno.writeFile(path, sealed ? gzipSync(bytes, { level: 1 }) : bytes);
        await visitTarGzip(path, MAXIMUM_BYTES, async ({ body }) => {
          await new Response(body).bytes();
        });
      };
      await assertRefusesDamage(read, [sealed ? tar : gzipSync(tar)], SEED);
    });
  });
}
