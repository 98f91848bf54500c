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
 * Throws {@linkcode FormatError} for missing or damaged files, for classes above 42, and when the
 * list of test labels and the test images don't name the same files.
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
  const chosen = Array.from(chosenIndices(options, all.length), (index) => all[index]!);
  return await readImages(
    tree,
    options.regionOfInterest ? await withRegions(tree, chosen) : chosen,
  );
}

/** The same files with the regions that `GT-CLASS.csv` next to each gives. */
async function withRegions(
  tree: FileTree,
  files: readonly LabelledName[],
): Promise<LabelledName[]> {
  const regions = new Map<string, Region | undefined>();
  for (const table of tree.names.filter((name) => /(?:^|\/)GT-\d{5}\.csv$/.test(name))) {
    const folder = table.slice(0, table.lastIndexOf("/") + 1);
    const text = new TextDecoder().decode(await tree.read(table));
    for (const [file, { region }] of parseTable(text, `${table} in ${tree.source}`)) {
      regions.set(folder + file, region);
    }
  }
  return files.map((file) => ({
    ...file,
    region: expectRegion(regions.get(file.name), file, tree),
  }));
}

function expectRegion(region: Region | undefined, file: { name: string }, tree: FileTree): Region {
  if (region) return region;
  throw new FormatError(
    `cannot cut out the sign in ${file.name} in ${tree.source}: found no region of interest inside it`,
  );
}

async function loadTest(path: string, options: GtsrbOptions): Promise<ImageSet> {
  const places = [TEST_ZIP, "GTSRB/Final_Test/Images", "Final_Test/Images"];
  const tree = await open(path, places);
  const labels = await readTestLabels(path);
  const files = tree.names.filter((name) => name.endsWith(".ppm")).map((name): LabelledName => {
    const short = name.slice(name.lastIndexOf("/") + 1);
    const row = labels.get(short);
    if (row === undefined) {
      throw new FormatError(
        `cannot read GTSRB in ${tree.source}: test image ${short} has no label in ${LABELS_CSV}`,
      );
    }
    labels.delete(short);
    const region = options.regionOfInterest ? expectRegion(row.region, { name }, tree) : undefined;
    return { name, label: row.label, region };
  });
  for (const name of labels.keys()) {
    throw new FormatError(
      `cannot read GTSRB in ${tree.source}: ${LABELS_CSV} names ${labels.size} images that are not ` +
        `there, the first of them ${name}`,
    );
  }
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
