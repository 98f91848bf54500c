/**
 * GTSRB, the German Traffic Sign Recognition Benchmark (Stallkamp et al., "Man vs. computer", Neural
 * Networks 32, 2012; https://benchmark.ini.rub.de), from its official zip files or what they hold.
 *
 * Images are resized whole to 32x32, as in the backdoor literature: around each sign there is a border
 * of about a tenth. The region of interest in the CSV files leaves it out where that is asked for.
 */

import { FormatError } from "../errors.ts";
import { decodeImage } from "../formats/images.ts";
import { shown } from "../text/quoted.ts";
import { openArchive } from "./archive_tree.ts";
import { type FileTree, join, subtree, walkFiles } from "./file_tree.ts";
import { GTSRB_CLASS_NAMES } from "./gtsrb_classes.ts";
import { cropImage, parseTable, type Region, type TableRow } from "./gtsrb_table.ts";
import { CHANNELS, type Dataset, type ImageSet } from "./image_set.ts";
import { chosenIndices, isWanted, type LoadOptions, noImages } from "./load_options.ts";
import { resizeImage } from "./resize.ts";

const SIDE = 32;
const TRAIN_ZIP = "GTSRB_Final_Training_Images.zip";
const TEST_ZIP = "GTSRB_Final_Test_Images.zip";
const LABELS_ZIP = "GTSRB_Final_Test_GT.zip";
const LABELS_CSV = "GT-final_test.csv";
/** The largest official image has 193 KB. */
const IMAGE = { what: "the image", limit: 64 * 1024 * 1024 };
/** The largest official table has half a megabyte. */
const TABLE = { what: "the table", limit: 16 * 1024 * 1024 };

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
 * Loads GTSRB from a tree that holds the official zip files or the folder `GTSRB` made by extracting
 * them. Training images come by class, track and frame.
 *
 * Throws {@linkcode FormatError} for missing or damaged files, for classes above 42, and when a
 * table and the images don't name the same files (training images may come without their tables).
 */
export async function loadGtsrb(place: FileTree, options: GtsrbOptions = {}): Promise<Dataset> {
  const train = isWanted("train", options)
    ? await loadTrain(place, options)
    : { set: noImages(SIDE), records: [] };
  return {
    name: "gtsrb",
    classNames: GTSRB_CLASS_NAMES,
    train: train.set,
    test: isWanted("test", options) ? await loadTest(place, options) : noImages(SIDE),
    trainRecords: train.records,
  };
}

async function loadTrain(place: FileTree, options: GtsrbOptions) {
  const { tree, names } = await open(place, [
    TRAIN_ZIP,
    "GTSRB/Final_Training/Images",
    "Final_Training/Images",
  ]);
  const all = names.flatMap((name): LabelledName[] => {
    const match = /(?:^|\/)(\d{5})\/[^/]+\.ppm$/.exec(name);
    return match === null ? [] : [{ name, label: Number(match[1]) }];
  });
  if (all.length === 0) {
    throw new FormatError(
      `cannot read GTSRB in ${shown(tree.source)}: found no training image, ` +
        `expected files such as 00000/00000_00000.ppm`,
    );
  }
  const rows = await readTrainTables(tree, names, all);
  const records = chosenIndices(options, all.length, () => all.map(({ label }) => label));
  const chosen = Array.from(records, (index) => all[index]!);
  const set = await readImages(
    tree,
    options.regionOfInterest
      ? chosen.map((file) => ({ ...file, region: expectRegion(rows.get(file.name), file, tree) }))
      : chosen,
  );
  return { set, records };
}

/** The rows of each folder's `GT-CLASS.csv` by image name; a folder may come without one. */
async function readTrainTables(
  tree: FileTree,
  names: readonly string[],
  files: readonly LabelledName[],
): Promise<Map<string, TableRow>> {
  const byFolder = Map.groupBy(files, ({ name }) => folderOf(name));
  const all = new Map<string, TableRow>();
  for (const table of names.filter((name) => /(?:^|\/)GT-\d{5}\.csv$/.test(name))) {
    const folder = folderOf(table);
    const text = new TextDecoder().decode(await tree.read(table, TABLE));
    const rows = parseTable(text, join(tree.source, table));
    matchRows(rows, byFolder.get(folder) ?? [], table, tree.source);
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
        `cannot read GTSRB in ${shown(source)}: ${shown(table)} has ` +
          `${row ? `class ${row.label}` : "no row"} for ${shown(name)}, expected class ${label}`,
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
      `cannot read GTSRB in ${shown(source)}: ${shown(table)} names ${rows.size} images that are ` +
        `not there, the first of them ${shown(name)}`,
    );
  }
}

const folderOf = (path: string) => path.slice(0, path.lastIndexOf("/") + 1);

const fileName = (path: string) => path.slice(path.lastIndexOf("/") + 1);

function expectRegion(row: TableRow | undefined, file: { name: string }, tree: FileTree): Region {
  if (row?.region) return row.region;
  throw new FormatError(
    `cannot cut out the sign in ${shown(join(tree.source, file.name))}: found no region of ` +
      `interest inside it`,
  );
}

async function loadTest(place: FileTree, options: GtsrbOptions): Promise<ImageSet> {
  const places = [TEST_ZIP, "GTSRB/Final_Test/Images", "Final_Test/Images"];
  const { tree, names } = await open(place, places);
  const rows = await readTestLabels(place);
  const unnamed = new Set(rows.keys());
  const files = names.filter((name) => name.endsWith(".ppm")).map((name): LabelledName => {
    const row = rows.get(fileName(name));
    if (row === undefined) {
      throw new FormatError(
        `cannot read GTSRB in ${shown(tree.source)}: test image ${shown(fileName(name))} has no ` +
          `label in ${LABELS_CSV}`,
      );
    }
    unnamed.delete(fileName(name));
    const region = options.regionOfInterest ? expectRegion(row, { name }, tree) : undefined;
    return { name, label: row.label, region };
  });
  expectNone(unnamed, LABELS_CSV, tree.source);
  if (files.length === 0) {
    throw new FormatError(
      `cannot read GTSRB in ${shown(tree.source)}: found no test image, expected files such as ` +
        `00000.ppm`,
    );
  }
  return await readImages(tree, files);
}

/** Class and region of each test image by file name. */
async function readTestLabels(place: FileTree): Promise<Map<string, TableRow>> {
  const read = async (tree: FileTree, name: string) => {
    const text = new TextDecoder().decode(await tree.read(name, TABLE));
    return parseTable(text, join(tree.source, name));
  };
  for (const folder of ["", "GTSRB", "GTSRB/Final_Test/Images", "Final_Test/Images"]) {
    const name = join(folder, LABELS_CSV);
    if (await place.sizeOf(name) !== undefined) return await read(place, name);
  }
  const { tree, names } = await open(place, [LABELS_ZIP]);
  const name = names.find((name) => fileName(name) === LABELS_CSV);
  if (name !== undefined) return await read(tree, name);
  const found = names.slice(0, 3).map(shown).join(", ") || "nothing";
  throw new FormatError(
    `cannot read ${shown(tree.source)}: found ${found}, expected ${LABELS_CSV}`,
  );
}

/** The first of `places` that exists, an archive or a folder, with all files in it. */
async function open(place: FileTree, places: readonly string[]) {
  for (const name of places) {
    const tree = name.endsWith(".zip")
      ? await openArchive(place, name)
      : await subtree(place, name);
    if (tree !== undefined) return { tree, names: (await walkFiles(tree, "")).files };
  }
  throw new FormatError(
    `cannot find GTSRB at ${shown(place.source)}: looked for ${
      places.join(", ")
    } there; fetch the ` +
      `official files from https://benchmark.ini.rub.de and give their folder with --data`,
  );
}

async function readImages(tree: FileTree, files: readonly LabelledName[]): Promise<ImageSet> {
  const size = CHANNELS * SIDE * SIDE;
  const pixels = new Uint8Array(files.length * size);
  const labels = new Uint16Array(files.length);
  for (const [i, { name, label, region }] of files.entries()) {
    if (label >= GTSRB_CLASS_NAMES.length) {
      throw new FormatError(
        `cannot read GTSRB in ${shown(tree.source)}: found class ${label} for ${shown(name)}, ` +
          `expected 0 to ${GTSRB_CLASS_NAMES.length - 1}`,
      );
    }
    const whole = decodeImage(await tree.read(name, IMAGE), join(tree.source, name));
    const image = region ? cropImage(whole, region) : whole;
    pixels.set(resizeImage(image.pixels, image.height, image.width, SIDE, SIDE), i * size);
    labels[i] = label;
  }
  return { pixels, labels, height: SIDE, width: SIDE };
}
