/** A data set of one's own: images of any size, one sub-folder a class. */

import { DataError, FormatError, UnsupportedImageError } from "../errors.ts";
import { decodeImage } from "../formats/images.ts";
import { quoted } from "../text/quoted.ts";
import { type ClassFolders, type LabelledFile, listClassFolders } from "./class_folders.ts";
import { type FileTree, join } from "./file_tree.ts";
import { CHANNELS, type Dataset, type ImageSet } from "./image_set.ts";
import { chosenIndices, isWanted, type LoadOptions, type Part } from "./load_options.ts";
import { resizeImage } from "./resize.ts";

/** Options of {@linkcode loadImageFolder}. */
export interface ImageFolderOptions extends LoadOptions {
  /** H and W of the result. Default: 32. */
  readonly side?: number;
  /** Share of each class to test on, where there are no folders train and test. Default: 0.2. */
  readonly testShare?: number;
  /** Decides which those are; not the seed of a run, so that runs stay comparable. Default: 0. */
  readonly splitSeed?: number;
}

/** Share of the images that may be damaged, of those to train on and of those to test on. */
const TOLERATED_SHARE = 0.01;
/** Far above any image that `decodeImage` accepts and a photograph needs. */
const MAXIMUM_FILE_BYTES = 256 * 1024 * 1024;
/** Pixels in bytes at 32x32 that an archive may become, beyond its own size. */
const FREE_PIXEL_BYTES = 160 * 1024 * 1024;
const PIXEL_BYTES = 3 * 32 * 32;

/**
 * Loads the images of a tree, laid out as {@linkcode listClassFolders} describes, each resized to a
 * square whatever its shape. Images that are damaged or in a format that is not decoded are left out
 * and `onWarning` is told their number and the first name; indices of training images count them.
 *
 * Throws {@linkcode DataError} when more than 1 % of the images to train on, or of those to test on,
 * are damaged, when none is left or none of a class to train on, and for the folders that
 * `listClassFolders` refuses.
 */
export async function loadImageFolder(
  tree: FileTree,
  options: ImageFolderOptions = {},
): Promise<Dataset> {
  const { side = 32, testShare = 0.2, splitSeed = 0 } = options;
  const found = await listClassFolders(tree, testShare, splitSeed);
  tellFound(tree, found, options);
  const chosen = isWanted("train", options)
    ? chosenIndices(options, found.train.length, () => found.train.map(({ label }) => label))
    : [];
  const trainFiles = Array.from(chosen, (index) => found.train[index]!);
  const testFiles = isWanted("test", options) ? found.test : [];
  checkCount(tree, trainFiles.length + testFiles.length);
  const read = (files: readonly LabelledFile[], part: Part) =>
    readImages(tree, files, found.classNames, { side, part, onWarning: options.onWarning });
  const train = await read(trainFiles, "train");
  const test = await read(testFiles, "test");
  return {
    name: tree.source,
    classNames: found.classNames,
    train: train.images,
    test: test.images,
    trainRecords: Uint32Array.from(train.kept, (place) => chosen[place]!),
  };
}

function tellFound(
  tree: FileTree,
  { notices, passedOver }: ClassFolders,
  { onNotice }: LoadOptions,
): void {
  for (const notice of notices) onNotice?.(notice);
  if (passedOver.count === 0) return;
  onNotice?.(`passed over in ${quoted(tree.source)}: ${passedOver.text()}`);
}

/** Refuses an archive of so few bytes that its images would fill the memory. */
function checkCount({ source, archiveBytes }: FileTree, count: number): void {
  if (archiveBytes === undefined) return;
  const most = Math.floor((archiveBytes + FREE_PIXEL_BYTES) / PIXEL_BYTES);
  if (count <= most) return;
  throw new DataError(
    `cannot load ${count} images out of ${quoted(source)}: found ${archiveBytes} bytes, expected ` +
      `at most ${most} images in so few; where that is right, unpack it and give the folder`,
  );
}

interface Reading {
  readonly images: ImageSet;
  /** Places of the files that were read. */
  readonly kept: readonly number[];
}

interface ReadingOptions {
  readonly side: number;
  readonly part: Part;
  readonly onWarning: LoadOptions["onWarning"];
}

async function readImages(
  tree: FileTree,
  files: readonly LabelledFile[],
  classNames: readonly string[],
  { side, part, onWarning }: ReadingOptions,
): Promise<Reading> {
  const size = CHANNELS * side * side;
  const pixels = new Uint8Array(files.length * size);
  const labels = new Uint16Array(files.length);
  const kept: number[] = [];
  const [damaged, unsupported]: [string[], string[]] = [[], []];
  for (const [place, { name, label }] of files.entries()) {
    try {
      const bytes = await tree.read(name, { what: "the image", limit: MAXIMUM_FILE_BYTES });
      const image = decodeImage(bytes, join(tree.source, name));
      const resized = resizeImage(image.pixels, image.height, image.width, side, side);
      pixels.set(resized, kept.length * size);
      labels[kept.length] = label;
      kept.push(place);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      (error instanceof UnsupportedImageError ? unsupported : damaged).push(error.message);
    }
  }
  const count = kept.length;
  const images = {
    pixels: pixels.slice(0, count * size),
    labels: labels.slice(0, count),
    height: side,
    width: side,
  };
  const which = `the ${files.length} images to ${part === "train" ? "train" : "test"} on in ` +
    quoted(tree.source);
  if (damaged.length > TOLERATED_SHARE * files.length) {
    throw new DataError(
      `cannot use ${which}: ${damaged.length} could not be read, expected at most ` +
        `${100 * TOLERATED_SHARE} %; the first: ${damaged[0]}`,
    );
  }
  checkNoneLost(which, part, files, kept, classNames, unsupported[0] ?? damaged[0]);
  if (unsupported.length > 0) {
    onWarning?.(
      `left out ${unsupported.length} of ${which}, since they are of a kind that is not read; the ` +
        `first: ${unsupported[0]}`,
    );
  }
  if (damaged.length > 0) {
    onWarning?.(`left out ${damaged.length} damaged of ${which}; the first: ${damaged[0]}`);
  }
  return { images, kept };
}

/** Refuses a set of which nothing is left, and a class to train on that lost all that it had. */
function checkNoneLost(
  which: string,
  part: Part,
  files: readonly LabelledFile[],
  kept: readonly number[],
  classNames: readonly string[],
  reason: string | undefined,
): void {
  if (reason === undefined) return;
  const attempt = `cannot use ${which}`;
  if (kept.length === 0) {
    throw new DataError(`${attempt}: none of them could be read; the first: ${reason}`);
  }
  if (part === "test") return;
  const left = new Set(kept.map((place) => files[place]!.label));
  const lost = files.find(({ label }) => !left.has(label));
  if (lost === undefined) return;
  throw new DataError(
    `${attempt}: none of class ${
      quoted(classNames[lost.label]!)
    } could be read, expected at least ` +
      `one; the first: ${reason}`,
  );
}
