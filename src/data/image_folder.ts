/** A data set of one's own: images of any size, one sub-folder a class. */

import { DataError, FormatError, UnsupportedImageError } from "../errors.ts";
import { decodeImage } from "../formats/images.ts";
import { quoted } from "../text/quoted.ts";
import type { ClassOptions } from "./class_names.ts";
import { type ClassFolders, type LabelledFile, listClassFolders } from "./class_folders.ts";
import { type FileTree, join } from "./file_tree.ts";
import { parquetFiles, readParquet } from "./parquet.ts";
import { fitImage, type ResizeMode, type Size, SizeTally } from "./fit_image.ts";
import { CHANNELS, type Dataset, type ImageSet } from "./image_set.ts";
import { type LabelRow, listLabelled } from "./label_table.ts";
import { chosenIndices, isWanted, type LoadOptions, type Part } from "./load_options.ts";

/** Options of {@linkcode loadImageFolder}. */
export interface ImageFolderOptions extends LoadOptions, ClassOptions {
  /** What the images are brought to. Default: 32x32. */
  readonly size?: Size;
  /** How images of another shape are. Default: "squeeze". */
  readonly resize?: ResizeMode;
  /** Classes of the images by file. Default: each has that of the folder that it lies in. */
  readonly labels?: readonly LabelRow[];
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
 * Loads the images of a tree, laid out as {@linkcode listClassFolders} describes, labelled by a
 * table, or in Parquet files, each brought to one size. Images that are damaged or in a format that is not decoded are left out
 * and `onWarning` is told their number and the first name; indices of training images count them.
 *
 * Throws {@linkcode DataError} when more than 1 % of the images to train on, or of those to test on,
 * are damaged, when none is left or none of a class to train on, and for the folders that
 * `listClassFolders` refuses.
 */
export async function loadImageFolder(
  place: FileTree,
  options: ImageFolderOptions = {},
): Promise<Dataset> {
  const { size = { height: 32, width: 32 }, resize = "squeeze", labels } = options;
  const splitting = { testShare: 0.2, splitSeed: 0, ...options };
  const tables = labels === undefined ? await parquetFiles(place) : [];
  const { tree, found } = tables.length > 0 ? await readParquet(place, tables, splitting) : {
    tree: place,
    found: labels === undefined
      ? await listClassFolders(place, splitting)
      : await listLabelled(place, labels, splitting),
  };
  tellFound(tree, found, options);
  const chosen = isWanted("train", options)
    ? chosenIndices(options, found.train.length, () => found.train.map(({ label }) => label))
    : [];
  const trainFiles = Array.from(chosen, (index) => found.train[index]!);
  const testFiles = isWanted("test", options) ? found.test : [];
  checkCount(tree, trainFiles.length + testFiles.length);
  const sizes = new SizeTally(size, resize);
  const read = (files: readonly LabelledFile[], part: Part) =>
    readImages(tree, files, found.classNames, {
      ...{ size, resize, sizes, part },
      onWarning: options.onWarning,
    });
  const train = await read(trainFiles, "train");
  const test = await read(testFiles, "test");
  const sizesText = sizes.text();
  if (sizesText !== undefined) options.onNotice?.(sizesText);
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
  readonly size: Size;
  readonly resize: ResizeMode;
  readonly sizes: SizeTally;
  readonly part: Part;
  readonly onWarning: LoadOptions["onWarning"];
}

async function readImages(
  tree: FileTree,
  files: readonly LabelledFile[],
  classNames: readonly string[],
  { size, resize, sizes, part, onWarning }: ReadingOptions,
): Promise<Reading> {
  const record = CHANNELS * size.height * size.width;
  const pixels = new Uint8Array(files.length * record);
  const labels = new Uint16Array(files.length);
  const kept: number[] = [];
  const [damaged, unsupported]: [string[], string[]] = [[], []];
  for (const [place, { name, label }] of files.entries()) {
    try {
      const bytes = await tree.read(name, { what: "the image", limit: MAXIMUM_FILE_BYTES });
      const image = decodeImage(bytes, join(tree.source, name));
      pixels.set(fitImage(image, size, resize), kept.length * record);
      sizes.add(image);
      labels[kept.length] = label;
      kept.push(place);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      (error instanceof UnsupportedImageError ? unsupported : damaged).push(error.message);
    }
  }
  const count = kept.length;
  const images = {
    pixels: count === files.length ? pixels : pixels.slice(0, count * record),
    labels: labels.slice(0, count),
    ...size,
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
