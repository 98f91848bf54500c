/** A data set of one's own: PNG, JPEG, PPM or PGM images of any size, one sub-folder a class. */

import { DataError, FormatError } from "../errors.ts";
import { decodeImage } from "../formats/images.ts";
import { type LabelledFile, listClassFolders } from "./class_folders.ts";
import { CHANNELS, type Dataset, type ImageSet } from "./image_set.ts";
import { chosenIndices, isWanted, type LoadOptions } from "./load_options.ts";
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

/** Share of the files that may be no images. */
const TOLERATED_SHARE = 0.01;
/** Far above any image that `decodeImage` accepts and a photograph needs. */
const MAXIMUM_FILE_BYTES = 256 * 1024 * 1024;

/**
 * Loads the images of `folder`, laid out as {@linkcode listClassFolders} describes, each resized to a
 * square whatever its shape. Files that are no images are left out and `onWarning` is told their
 * number and the first name; `trainSubset` counts them, so that indices do not depend on them.
 *
 * Throws {@linkcode DataError} when more than 1 % of the files read are no images, and for the folders
 * that `listClassFolders` refuses.
 */
export async function loadImageFolder(
  folder: string,
  options: ImageFolderOptions = {},
): Promise<Dataset> {
  const { side = 32, testShare = 0.2, splitSeed = 0 } = options;
  const found = await listClassFolders(folder, testShare, splitSeed);
  const chosen = isWanted("train", options) ? chosenIndices(options, found.train.length) : [];
  const train = await readImages(Array.from(chosen, (index) => found.train[index]!), side);
  const test = await readImages(isWanted("test", options) ? found.test : [], side);
  reportFailures(folder, [train, test], options.onWarning);
  return { name: folder, classNames: found.classNames, train: train.images, test: test.images };
}

interface Reading {
  readonly images: ImageSet;
  /** Files tried. */
  readonly tried: number;
  /** Why each file failed that did. */
  readonly failures: readonly string[];
}

async function readImages(files: readonly LabelledFile[], side: number): Promise<Reading> {
  const size = CHANNELS * side * side;
  const pixels = new Uint8Array(files.length * size);
  const labels = new Uint16Array(files.length);
  const failures: string[] = [];
  let count = 0;
  for (const { path, label } of files) {
    try {
      const { size: bytes } = await Deno.stat(path);
      if (bytes > MAXIMUM_FILE_BYTES) {
        throw new FormatError(
          `cannot read image ${path}: found ${bytes} bytes, expected at most ${MAXIMUM_FILE_BYTES}`,
        );
      }
      const image = decodeImage(await Deno.readFile(path), path);
      const resized = resizeImage(image.pixels, image.height, image.width, side, side);
      pixels.set(resized, count * size);
      labels[count++] = label;
    } catch (error) {
      const unreadable = error instanceof FormatError || error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.PermissionDenied;
      if (!unreadable) throw error;
      failures.push(error.message);
    }
  }
  const images = {
    pixels: pixels.slice(0, count * size),
    labels: labels.slice(0, count),
    height: side,
    width: side,
  };
  return { images, tried: files.length, failures };
}

function reportFailures(
  folder: string,
  readings: readonly Reading[],
  onWarning: LoadOptions["onWarning"],
): void {
  const failures = readings.flatMap((reading) => reading.failures);
  const tried = readings.reduce((sum, reading) => sum + reading.tried, 0);
  if (failures.length > TOLERATED_SHARE * tried) {
    throw new DataError(
      `cannot use the images in ${folder}: ${failures.length} of ${tried} files could not be read, ` +
        `expected at most ${100 * TOLERATED_SHARE} %; the first: ${failures[0]}`,
    );
  }
  if (failures.length > 0) {
    onWarning?.(
      `skipped ${failures.length} of ${tried} files in ${folder}; the first: ${failures[0]}`,
    );
  }
}
