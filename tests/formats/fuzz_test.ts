/**
 * Damaged files, to each parser: 500 by default, `LETHE_FUZZ=20000` for a long run. Formats with
 * checksums are also tried with the checksums put right, so that the code behind them is reached.
 */

import { crc32 } from "../../src/formats/crc32.ts";
import { zipSync } from "npm:fflate@0.8.3";
import { decodeImage } from "../../src/formats/images.ts";
import { readNpy, writeNpy } from "../../src/formats/npy.ts";
import { readNpz } from "../../src/formats/npz.ts";
import { encodePng } from "../../src/formats/png_write.ts";
import { refusal } from "../../src/formats/refusal.ts";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import { readTorch } from "../../src/formats/torch.ts";
import { writeTorch } from "../../src/formats/torch_write.ts";
import { extractZipEntry, readZipDirectory } from "../../src/formats/zip.ts";
import { tensor } from "./assertions.ts";
import { BASELINE_JPEG, pngChunks, PROGRESSIVE_JPEG } from "./image_files.ts";
import { assertRefusesDamage } from "./mutate.ts";
import {
  dictionary,
  float32Bytes,
  global,
  integer,
  legacyFile,
  pickle,
  storage,
  text,
  tuple,
  view,
  zipFile,
} from "./pickle_build.ts";

const SEED = 20240615;

const float = tensor("float32", [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6));
const long = tensor("int64", [], BigInt64Array.of(9n));
const half = tensor("float16", [3], Float32Array.of(1, 2, 3));
const state = new Map([["conv.weight", float], ["steps", long], ["half", half]]);

const values = float32Bytes(0, 1, 2, 3, 4, 5);
const steps = new Uint8Array(BigInt64Array.of(5n).buffer);

/** A pickle with one of everything. */
const PICKLE = pickle(dictionary(
  text("state_dict"),
  [
    global("collections", "OrderedDict"),
    ")Rq",
    [1],
    "(",
    text("weight"),
    view(storage("FloatStorage", "k", 6), 0, [2, 3], [3, 1]),
    text("steps"),
    view(storage("LongStorage", "n", 1), 0, [], []),
    "u}b",
  ],
  text("epoch"),
  integer(13),
  text("best"),
  [0x47, 0x40, 0x55, 0x69, 0xf5, 0xc2, 0x8f, 0x5c, 0x29],
  text("list"),
  ["](K", [1], [0x8a, 2, 1, 2], "N", 0x88, "e"],
  text("old"),
  ["(I12\nL3L\nF1.5\nS'a'\nVb\nth", [1], "0", text("again"), "2"],
  text("size"),
  [global("torch", "Size"), tuple(tuple(integer(2))), "R"],
  text("array"),
  [
    global("numpy.core.multiarray", "_reconstruct"),
    tuple(global("numpy", "ndarray"), tuple(integer(0)), ["C", [1], "b"]),
    "R(NNtb",
  ],
  text("object"),
  [global("a", "B"), ")}", [0x92], "NNs(Ne", "K", [1], "a"],
  text("defaults"),
  [global("collections", "defaultdict"), tuple(global("builtins", "list")), "R"],
  text("more"),
  [0x8f, "(", "K", [1], 0x90, 0x94],
));

const legacy = legacyFile(PICKLE, [["k", 6, values], ["n", 1, steps]]);

/** A picture with some structure. */
const picture = {
  height: 9,
  width: 7,
  pixels: Uint8Array.from({ length: 189 }, (_, i) => (i * i) % 256),
};

const netpbm = (header: string, bytes: number) =>
  Uint8Array.from([...new TextEncoder().encode(header), ...new Uint8Array(bytes).fill(65)]);

/** Puts the checksum of every chunk right, as far as there are chunks. */
function resealPng(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  for (let at = 8; at + 12 <= copy.length;) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > copy.length) break;
    view.setUint32(end, crc32(copy.subarray(at + 4, end)));
    at = end + 4;
  }
  return copy;
}

/** A 5 x 5 palette image of two bits, interlaced. */
const SMALL_PNG = pngChunks([
  ["IHDR", Uint8Array.of(0, 0, 0, 5, 0, 0, 0, 5, 2, 3, 0, 0, 1)],
  ["PLTE", Uint8Array.from({ length: 12 }, (_, i) => i * 20)],
  ["tEXt", Uint8Array.of(65, 0, 66)],
  ["IDAT", Uint8Array.fromHex("78da6360605465f262ce6799c2b093f11e1333b3068baf1f4351310031e004c9")],
  ["IEND", new Uint8Array(0)],
]);

const arrays = { "a.npy": writeNpy(float), "b.npy": writeNpy(long) };

/** Reads every entry of an archive with all checks but the checksum. */
function readEntries(bytes: Uint8Array): void {
  const refuse = refusal("ZIP file", "a file");
  for (const entry of readZipDirectory(bytes, refuse).values()) {
    if (entry.size > 2 ** 24) continue;
    const crc = entry.method === "stored" ? crc32(entry.packed) : entry.crc;
    extractZipEntry({ ...entry, crc }, refuse);
  }
}

interface Target {
  readonly name: string;
  readonly parse: (bytes: Uint8Array) => unknown;
  readonly corpus: readonly Uint8Array[];
}

const TARGETS: readonly Target[] = [
  {
    name: "readTorch() of ZIP files",
    parse: (bytes) => readTorch(bytes, "a file"),
    corpus: [writeTorch(state), zipFile(PICKLE, { k: values, n: steps })],
  },
  {
    name: "readTorch() of legacy files",
    parse: (bytes) => readTorch(bytes, "a file"),
    corpus: [legacy],
  },
  {
    name: "readTorch() of pickles inside sound ZIP files",
    parse: (bytes) => readTorch(zipFile(bytes, { k: values, n: steps }), "a file"),
    corpus: [PICKLE],
  },
  {
    name: "readSafetensors()",
    parse: (bytes) => readSafetensors(bytes, "a file"),
    corpus: [writeSafetensors(state, new Map([["arch", "wrn"]])), writeSafetensors(new Map())],
  },
  {
    name: "readNpy()",
    parse: (bytes) => readNpy(bytes, "a file"),
    corpus: [writeNpy(float), writeNpy(long), writeNpy(half)],
  },
  {
    name: "readNpz()",
    parse: (bytes) => readNpz(bytes, "a file"),
    corpus: [zipSync(arrays), zipSync(arrays, { level: 0 })],
  },
  {
    name: "extractZipEntry() of stored entries, checksums put right",
    parse: readEntries,
    corpus: [zipSync(arrays), zipSync(arrays, { level: 0 })],
  },
  {
    name: "decodeImage() of PNG files",
    parse: (bytes) => decodeImage(bytes, "a file"),
    corpus: [encodePng(picture), SMALL_PNG],
  },
  {
    name: "decodeImage() of PNG files, checksums put right",
    parse: (bytes) => decodeImage(resealPng(bytes), "a file"),
    corpus: [encodePng(picture), SMALL_PNG],
  },
  {
    name: "decodeImage() of JPEG files",
    parse: (bytes) => decodeImage(bytes, "a file"),
    corpus: [BASELINE_JPEG, PROGRESSIVE_JPEG],
  },
  {
    name: "decodeImage() of BMP files",
    parse: (bytes) => decodeImage(bytes, "a file"),
    corpus: [
      Uint8Array.fromHex(
        "424d460000000000000036000000280000000200000002000000010018000000000010000000" +
          "0000000000000000000000000000000001020304050600000708090a0b0c0000",
      ),
      Uint8Array.fromHex(
        "424d42000000000000003e00000028000000030000000100000001000400000000000400000000" +
          "000000000000000200000000000000" + "0a141e0028323c00" + "01000000",
      ),
    ],
  },
  {
    name: "decodeImage() of PPM and PGM files",
    parse: (bytes) => decodeImage(bytes, "a file"),
    corpus: [
      netpbm("P6\n# comment\n4 3\n255\n", 36),
      netpbm("P5 4 3 65535\n", 24),
      netpbm("P5 4 3 100\n", 12),
    ],
  },
];

for (const { name, parse, corpus } of TARGETS) {
  Deno.test(`${name} refuses damage with a FormatError, soon`, async () => {
    await assertRefusesDamage(parse, corpus, SEED);
  });
}
