/**
 * GTSRB, the German Traffic Sign Recognition Benchmark (Stallkamp et al., "Man vs. computer", Neural
 * Networks 32, 2012; https://benchmark.ini.rub.de), from its official zip files or what they hold.
 *
 * Images are resized whole to 32x32, as in the backdoor literature: around each sign there is a border
 * of about a tenth. The region of interest in the CSV files leaves it out where that is asked for.
 */

import { FormatError } from "../errors.ts";
import { decodeImage } from "../formats/images.ts";
import { type FileTree, openFileTree } from "./file_tree.ts";
import { GTSRB_CLASS_NAMES } from "./gtsrb_classes.ts";
import { cropImage, parseTable, type Region, type TableRow } from "./gtsrb_table.ts";
import { CHANNELS, type Dataset, type ImageSet } from "./image_set.ts";
import { chosenIndices, isWanted, type LoadOptions, noImages } from "./load_options.ts";
import { kindOf } from "./paths.ts";
import { resizeImage } from "./resize.ts";

const SIDE = 32;
const TRAIN_ZIP = "GTSRB_Final_Training_Images.zip";
const TEST_ZIP = "GTSRB_Final_Test_Images.zip";
const LABELS_ZIP = "GTSRB_Final_Test_GT.zip";
const LABELS_CSV = "GT-final_test.csv";

/** Options of {@linkcode loadGtsrb}. */
export interface GtsrbOptions extends LoadOptions {
  /** Cuts each image to the region of interest around its sign. Default: false. */
  readonly regionOfInterest?: boolean;
}

interface LabelledName {
  readonly name: string;
  readonly label: number;
  /** What is cut out; the whole image without it. */
  readonly region?: Region | undefined;
}

/**
 * Loads GTSRB from the folder `path`, which holds the official zip files or the folder `GTSRB` made
 * by extracting them. Training images come by class, track and frame.
 *
 * Throws {@linkcode FormatError} for missing or damaged files, for classes above 42, and when a
 * table and the images don't name the same files (training images may come without their tables).
 */
export async function loadGtsrb(path: string, options: GtsrbOptions = {}): Promise<Dataset> {
  return {
    name: "gtsrb",
    classNames: GTSRB_CLASS_NAMES,
    train: isWanted("train", options) ? await loadTrain(path, options) : noImages(SIDE),
    test: isWanted("test", options) ? await loadTest(path, options) : noImages(SIDE),
  };
}

async function loadTrain(path: string, options: GtsrbOptions): Promise<ImageSet> {
  const tree = await open(path, [
    TRAIN_ZIP,
    "GTSRB/Final_Training/Images",
    "Final_Training/Images",
  ]);
  const all = tree.names.flatMap((name): LabelledName[] => {
    const match = /(?:^|\/)(\d{5})\/[^/]+\.ppm$/.exec(name);
    return match === null ? [] : [{ name, label: Number(match[1]) }];
  });
  if (all.length === 0) {
    throw new FormatError(
      `cannot read GTSRB in ${tree.source}: found no training image, ` +
        `expected files such as 00000/00000_00000.ppm`,
    );
  }
  const rows = await readTrainTables(tree, all);
  const chosen = Array.from(chosenIndices(options, all.length), (index) => all[index]!);
  return await readImages(
    tree,
    options.regionOfInterest
      ? chosen.map((file) => ({ ...file, region: expectRegion(rows.get(file.name), file, tree) }))
      : chosen,
  );
}

/** The rows of each folder's `GT-CLASS.csv` by image name; a folder may come without one. */
async function readTrainTables(
  tree: FileTree,
  files: readonly LabelledName[],
): Promise<Map<string, TableRow>> {
  const all = new Map<string, TableRow>();
  for (const table of tree.names.filter((name) => /(?:^|\/)GT-\d{5}\.csv$/.test(name))) {
    const folder = table.slice(0, table.lastIndexOf("/") + 1);
    const text = new TextDecoder().decode(await tree.read(table));
    const rows = parseTable(text, `${table} in ${tree.source}`);
    const images = files.filter(({ name }) => name.startsWith(folder));
    matchRows(rows, images, table, tree.source);
    for (const [file, row] of rows) all.set(folder + file, row);
  }
  return all;
}

/** Refuses a table that does not name exactly `images`, or gives one another class. */
function matchRows(
  rows: ReadonlyMap<string, TableRow>,
  images: readonly LabelledName[],
  table: string,
  source: string,
): void {
  const unnamed = new Set(rows.keys());
  for (const { name, label } of images) {
    const row = rows.get(fileName(name));
    if (row?.label !== label) {
      throw new FormatError(
        `cannot read GTSRB in ${source}: ${table} has ${
          row ? `class ${row.label}` : "no row"
        } for ${name}, expected class ${label}`,
      );
    }
    unnamed.delete(fileName(name));
  }
  expectNone(unnamed, table, source);
}

/** Refuses rows of a table that are left without an image. */
function expectNone(rows: ReadonlySet<string>, table: string, source: string): void {
  for (const name of rows) {
    throw new FormatError(
      `cannot read GTSRB in ${source}: ${table} names ${rows.size} images that are not there, ` +
        `the first of them ${name}`,
    );
  }
}

const fileName = (path: string) => path.slice(path.lastIndexOf("/") + 1);

function expectRegion(row: TableRow | undefined, file: { name: string }, tree: FileTree): Region {
  if (row?.region) return row.region;
  throw new FormatError(
    `cannot cut out the sign in ${file.name} in ${tree.source}: found no region of interest inside it`,
  );
}

async function loadTest(path: string, options: GtsrbOptions): Promise<ImageSet> {
  const places = [TEST_ZIP, "GTSRB/Final_Test/Images", "Final_Test/Images"];
  const tree = await open(path, places);
  const rows = await readTestLabels(path);
  const unnamed = new Set(rows.keys());
  const files = tree.names.filter((name) => name.endsWith(".ppm")).map((name): LabelledName => {
    const row = rows.get(fileName(name));
    if (row === undefined) {
      throw new FormatError(
        `cannot read GTSRB in ${tree.source}: test image ${
          fileName(name)
        } has no label in ${LABELS_CSV}`,
      );
    }
    unnamed.delete(fileName(name));
    const region = options.regionOfInterest ? expectRegion(row, { name }, tree) : undefined;
    return { name, label: row.label, region };
  });
  expectNone(unnamed, LABELS_CSV, tree.source);
  return await readImages(tree, files);
}

/** Class and region of each test image by file name. */
async function readTestLabels(path: string): Promise<Map<string, TableRow>> {
  const { text, source } = await readLabelsText(path);
  return parseTable(text, source);
}

async function readLabelsText(path: string): Promise<{ text: string; source: string }> {
  const folders = ["", "GTSRB/", "GTSRB/Final_Test/Images/", "Final_Test/Images/"];
  for (const folder of folders) {
    const source = `${path}/${folder}${LABELS_CSV}`;
    if (await kindOf(source) === "file") return { text: await Deno.readTextFile(source), source };
  }
  const tree = await open(path, [LABELS_ZIP]);
  const name = tree.names.find((name) => name.split("/").at(-1) === LABELS_CSV);
  if (name === undefined) {
    throw new FormatError(
      `cannot read ${tree.source}: found ${tree.names.join(", ")}, expected ${LABELS_CSV}`,
    );
  }
  const source = `${name} in ${tree.source}`;
  return { text: new TextDecoder().decode(await tree.read(name)), source };
}

/** The first of `places` in `path` that exists. */
async function open(path: string, places: readonly string[]): Promise<FileTree> {
  for (const place of places) {
    const tree = await openFileTree(`${path}/${place}`);
    if (tree !== undefined) return tree;
  }
  throw new FormatError(
    `cannot find GTSRB at ${path}: looked for ${
      places.join(", ")
    } there; fetch the official files ` +
      `from https://benchmark.ini.rub.de and give their folder with --data`,
  );
}

async function readImages(tree: FileTree, files: readonly LabelledName[]): Promise<ImageSet> {
  const size = CHANNELS * SIDE * SIDE;
  const pixels = new Uint8Array(files.length * size);
  const labels = new Uint16Array(files.length);
  for (const [i, { name, label, region }] of files.entries()) {
    if (label >= GTSRB_CLASS_NAMES.length) {
      throw new FormatError(
        `cannot read GTSRB in ${tree.source}: found class ${label} for ${name}, ` +
          `expected 0 to ${GTSRB_CLASS_NAMES.length - 1}`,
      );
    }
    const whole = decodeImage(await tree.read(name), `${name} in ${tree.source}`);
    const image = region ? cropImage(whole, region) : whole;
    pixels.set(resizeImage(image.pixels, image.height, image.width, SIDE, SIDE), i * size);
    labels[i] = label;
  }
  return { pixels, labels, height: SIDE, width: SIDE };
}
