import assert from "node:assert/strict";
import { strToU8, zipSync } from "npm:fflate@0.8.3";
import { memoryTree } from "../../src/data/archive_tree.ts";
import { folderTree } from "../../src/data/folder_tree.ts";
import { loadGtsrb } from "../../src/data/gtsrb.ts";
import { GTSRB_CLASS_NAMES } from "../../src/data/gtsrb_classes.ts";
import { resizeImage } from "../../src/data/resize.ts";
import { DataError, FormatError } from "../../src/errors.ts";
import { shared } from "../shared.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";

type Files = Record<string, Uint8Array<ArrayBuffer>>;

/** (3,height,width) that differs by key. */
function planes(key: number, height: number, width: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 3 * height * width }, (_, i) => (key * 31 + i * 3) % 256);
}

/** The same image as a P6 file, with a comment as in the official files. */
function ppm(key: number, height = 32, width = 32): Uint8Array<ArrayBuffer> {
  const pixels = planes(key, height, width);
  const header = strToU8(`P6\n# made by a test\n${width} ${height}\n255\n`);
  const file = new Uint8Array(header.length + pixels.length);
  file.set(header);
  for (let i = 0; i < pixels.length; i++) {
    file[header.length + i] = pixels[(i % 3) * height * width + Math.floor(i / 3)]!;
  }
  return file;
}

const HEADER = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId";
const TRAIN_ROOT = "GTSRB/Final_Training/Images";
const TEST_ROOT = "GTSRB/Final_Test/Images";

const TRAIN: Files = {
  [`${TRAIN_ROOT}/00042/00000_00000.ppm`]: ppm(1),
  [`${TRAIN_ROOT}/00042/GT-00042.csv`]: strToU8(`${HEADER}\n00000_00000.ppm;30;30;5;5;25;25;42\n`),
  [`${TRAIN_ROOT}/00007/00001_00000.ppm`]: ppm(2),
  [`${TRAIN_ROOT}/00007/00000_00003.ppm`]: ppm(3, 45, 40),
  "GTSRB/Readme-Images.txt": strToU8("no image"),
};
const TEST: Files = {
  [`${TEST_ROOT}/00003.ppm`]: ppm(4),
  [`${TEST_ROOT}/00000.ppm`]: ppm(5),
};
const LABELS = `${HEADER}\r\n00000.ppm;53;54;6;5;48;49;16\r\n00003.ppm;27;29;5;5;22;24;33\r\n`;

async function writeZips(folder: string, train: Files, test: Files, labels: string) {
  await Deno.writeFile(`${folder}/GTSRB_Final_Training_Images.zip`, zipSync(train));
  await Deno.writeFile(`${folder}/GTSRB_Final_Test_Images.zip`, zipSync(test));
  await Deno.writeFile(
    `${folder}/GTSRB_Final_Test_GT.zip`,
    zipSync({ "GT-final_test.csv": strToU8(labels) }),
  );
}

async function rejects(promise: Promise<unknown>, pattern: RegExp, type = FormatError) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof type, `found ${error}`);
    assert.match(error.message, pattern);
    return true;
  });
}

async function checkLoaded(folder: string) {
  const { train, test, classNames } = await loadGtsrb(folderTree(folder));
  assert.equal(classNames.length, 43);
  assert.deepEqual([...train.labels], [7, 7, 42]);
  assert.deepEqual(train.pixels.subarray(0, 3072), resizeImage(planes(3, 45, 40), 45, 40, 32, 32));
  assert.deepEqual(train.pixels.subarray(3072, 6144), planes(2, 32, 32));
  assert.deepEqual(train.pixels.subarray(6144), planes(1, 32, 32));
  assert.deepEqual([...test.labels], [16, 33]);
  assert.deepEqual(test.pixels.subarray(0, 3072), planes(5, 32, 32));
  assert.deepEqual(test.pixels.subarray(3072), planes(4, 32, 32));
}

Deno.test("loadGtsrb() reads the official zip files by class, track and frame", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeZips(folder, TRAIN, TEST, LABELS);
    await checkLoaded(folder);
  });
});

Deno.test("loadGtsrb() reads the extracted files", async () => {
  await withTemporaryFolder(async (folder) => {
    const all = { ...TRAIN, ...TEST, "GT-final_test.csv": strToU8(LABELS) };
    for (const [name, content] of Object.entries(all)) {
      const path = `${folder}/${name}`;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      await Deno.writeFile(path, content);
    }
    await checkLoaded(folder);
  });
});

Deno.test("loadGtsrb() loads only the parts and training images asked for", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeZips(folder, TRAIN, TEST, LABELS);
    await Deno.remove(`${folder}/GTSRB_Final_Test_GT.zip`);
    const { train, test } = await loadGtsrb(folderTree(folder), {
      parts: ["train"],
      trainSubset: (count) => [0, count - 1],
    });
    assert.deepEqual([...train.labels], [7, 42]);
    assert.equal(test.labels.length, 0);
    await rejects(
      loadGtsrb(folderTree(folder), { parts: ["train"], trainSubset: () => [3] }),
      /expected ascending indices below 3/,
      DataError,
    );
    await rejects(
      loadGtsrb(folderTree(folder), { parts: ["test"] }),
      /looked for GTSRB_Final_Test_GT.zip/,
    );
  });
});

Deno.test("loadGtsrb() says what it looked for where nothing is", async () => {
  await withTemporaryFolder(async (folder) => {
    await rejects(
      loadGtsrb(folderTree(folder)),
      /looked for GTSRB_Final_Training_Images.zip.*--data/,
    );
  });
});

Deno.test("loadGtsrb() refuses labels that do not fit the images", async () => {
  await withTemporaryFolder(async (folder) => {
    const cases: [string, RegExp][] = [
      [`${HEADER}\n00000.ppm;53;54;6;5;48;49;16\n`, /test image 00003.ppm has no label/],
      [`${LABELS}00006.ppm;1;1;1;1;1;1;1\n`, /names 1 images that are not there.*00006.ppm/],
      [LABELS.replace(";33", ";43"), /found class 43 for .*00003.ppm, expected 0 to 42/],
      [LABELS.replace(";33", ";x"), /found "00003.ppm;.*;x" in line 3/],
      [LABELS.replace(";33", ""), /in line 3, expected a file name and a class/],
      [LABELS.replace("ClassId", "Class"), /expected Filename and ClassId/],
      ["", /found the columns ""/],
    ];
    for (const [labels, pattern] of cases) {
      await writeZips(folder, TRAIN, TEST, labels);
      await rejects(loadGtsrb(folderTree(folder), { parts: ["test"] }), pattern);
    }
    const other = zipSync({ "readme.txt": strToU8("x") });
    await Deno.writeFile(`${folder}/GTSRB_Final_Test_GT.zip`, other);
    await rejects(loadGtsrb(folderTree(folder)), /found readme.txt, expected GT-final_test.csv/);
  });
});

Deno.test("loadGtsrb() refuses training tables that do not fit the images", async () => {
  await withTemporaryFolder(async (folder) => {
    const table = `${TRAIN_ROOT}/00042/GT-00042.csv`;
    const row = "00000_00000.ppm;30;30;5;5;25;25;42";
    const cases: [string, RegExp][] = [
      [`${HEADER}\n`, /GT-00042.csv has no row for .*00042\/00000_00000.ppm, expected class 42/],
      [`${HEADER}\n${row}\n${row.replace("00000_", "00001_")}\n`, /names 1 images.*00001_00000/],
      [`${HEADER}\n${row.replace(/42$/, "7")}\n`, /has class 7 for .*, expected class 42/],
    ];
    for (const [text, pattern] of cases) {
      await writeZips(folder, { ...TRAIN, [table]: strToU8(text) }, TEST, LABELS);
      await rejects(loadGtsrb(folderTree(folder), { parts: ["train"] }), pattern);
    }
  });
});

Deno.test("loadGtsrb() refuses damaged archives, damaged images and unknown classes", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeZips(folder, { [`${TRAIN_ROOT}/00043/1.ppm`]: ppm(1) }, TEST, LABELS);
    await rejects(loadGtsrb(folderTree(folder)), /found class 43/);
    await writeZips(folder, { "x.txt": strToU8("x") }, TEST, LABELS);
    await rejects(loadGtsrb(folderTree(folder)), /found no training image/);
    await writeZips(folder, { [`${TRAIN_ROOT}/00001/1.ppm`]: ppm(1).slice(0, 99) }, TEST, LABELS);
    await rejects(loadGtsrb(folderTree(folder)), /cannot read PPM or PGM image .*00001\/1.ppm/);
    await writeZips(folder, { [`../00001/1.ppm`]: ppm(1) }, TEST, LABELS);
    await rejects(loadGtsrb(folderTree(folder)), /found a ZIP entry named "..\/00001/);
    await Deno.writeFile(
      `${folder}/GTSRB_Final_Training_Images.zip`,
      zipSync(TRAIN).subarray(0, 2000),
    );
    await rejects(loadGtsrb(folderTree(folder)), /cannot read ZIP file/);
  });
});

Deno.test("GTSRB_CLASS_NAMES are 43 different names", () => {
  assert.equal(new Set(GTSRB_CLASS_NAMES).size, 43);
});

const OFFICIAL = shared("data/GTSRB_Final_Training_Images.zip");

Deno.test({
  name: "loadGtsrb() loads files in the official layout with all classes",
  ignore: OFFICIAL === undefined,
  async fn() {
    const folder = decodeURIComponent(new URL(".", OFFICIAL).pathname);
    const { train, test } = await loadGtsrb(folderTree(folder));
    assert.equal(train.labels.length, 6_535);
    assert.equal(test.labels.length, 4_210);
    assert.deepEqual([...test.labels.subarray(0, 3)], [16, 33, 18]);
    assert.equal(new Set(train.labels).size, 43);
    assert.equal(new Set(test.labels).size, 43);
    assert.deepEqual(train.labels, train.labels.toSorted());
  },
});

/** Rows y1 to y2-1 and columns x1 to x2-1 of an image from {@linkcode planes}, resized. */
function cut(key: number, side: number, x1: number, y1: number, x2: number, y2: number) {
  const whole = planes(key, side, side);
  const part: number[] = [];
  for (let c = 0; c < 3; c++) {
    for (let y = y1; y < y2; y++) {
      for (let x = x1; x < x2; x++) part.push(whole[(c * side + y) * side + x]!);
    }
  }
  return resizeImage(Uint8Array.from(part), y2 - y1, x2 - x1, 32, 32);
}

Deno.test("loadGtsrb() cuts out regions of interest, in proportion where images were resized", async () => {
  await withTemporaryFolder(async (folder) => {
    const train: Files = {
      [`${TRAIN_ROOT}/00042/00000_00000.ppm`]: ppm(1),
      [`${TRAIN_ROOT}/00042/00000_00001.ppm`]: ppm(2, 40, 40),
      [`${TRAIN_ROOT}/00042/GT-00042.csv`]: strToU8(
        `${HEADER}\n00000_00000.ppm;64;64;6;8;60;62;42\n00000_00001.ppm;40;40;5;6;35;34;42\n`,
      ),
    };
    const labels = `${HEADER}\n00000.ppm;32;32;3;4;29;28;16\n00003.ppm;32;32;0;0;32;32;33\n`;
    await writeZips(folder, train, TEST, labels);
    const found = await loadGtsrb(folderTree(folder), { regionOfInterest: true });
    assert.deepEqual(found.train.pixels.subarray(0, 3072), cut(1, 32, 3, 4, 30, 31));
    assert.deepEqual(found.train.pixels.subarray(3072), cut(2, 40, 5, 6, 35, 34));
    assert.deepEqual(found.test.pixels.subarray(0, 3072), cut(5, 32, 3, 4, 29, 28));
    assert.deepEqual(found.test.pixels.subarray(3072), planes(4, 32, 32));
  });
});

Deno.test("loadGtsrb() refuses to cut out regions that are missing or outside the image", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeZips(folder, TRAIN, TEST, LABELS);
    const load = (part: "train" | "test") =>
      loadGtsrb(folderTree(folder), { parts: [part], regionOfInterest: true });
    await rejects(load("train"), /00007.*found no region of interest inside it/);
    for (const [from, to] of [["48;49", "54;49"], ["6;5;48", "49;5;48"]] as const) {
      await writeZips(folder, TRAIN, TEST, LABELS.replace(from, to));
      await rejects(load("test"), /00000.ppm.*found no region of interest inside it/);
      await loadGtsrb(folderTree(folder), { parts: ["test"] });
    }
  });
});

Deno.test("loadGtsrb() matches many tables in linear time, and bounds a table", async () => {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (let i = 0; i < 4000; i++) {
    files.set(`${TRAIN_ROOT}/${String(i % 43).padStart(5, "0")}/${i}.ppm`, ppm(1, 1, 1));
    const number = String(i).padStart(5, "0");
    files.set(`${TRAIN_ROOT}/other${i}/GT-${number}.csv`, strToU8(`${HEADER}\n`));
  }
  const { train } = await loadGtsrb(memoryTree("m", files), {
    parts: ["train"],
    trainSubset: () => [0, 3999],
  });
  assert.deepEqual([...train.labels], [0, 42]);
  files.set(`${TRAIN_ROOT}/x/GT-00000.csv`, new Uint8Array(17 << 20).fill(10));
  await rejects(loadGtsrb(memoryTree("m", files)), /17825792 bytes, expected at most 16777216/);
});
