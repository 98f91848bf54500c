/** Finds the images of a folder with one sub-folder a class, without decoding them. */

import { DataError } from "../errors.ts";
import { byCodePoint } from "../text/code_points.ts";
import { quoted } from "../text/quoted.ts";
import { splitHeldOut } from "./clean_subset.ts";
import { type FileTree, join, walkFiles } from "./file_tree.ts";
import { findHalves, folderLister } from "./halves.ts";
import { PassedOver } from "./passed_over.ts";
import { pictureNames } from "./picture_names.ts";
import { RandomPurpose } from "./random.ts";

/** A file that should be an image, and its class. */
export interface LabelledFile {
  /** Its name in the tree. */
  readonly name: string;
  /** Index of its class. */
  readonly label: number;
}

/** What {@linkcode listClassFolders} finds. */
export interface ClassFolders {
  /** Names of the class folders, sorted by code point, which makes their order the labels. */
  readonly classNames: readonly string[];
  /** Training files, by class and then by name. */
  readonly train: readonly LabelledFile[];
  /** Test files, likewise. */
  readonly test: readonly LabelledFile[];
  /** What a user should know of how the folders were read. */
  readonly notices: readonly string[];
  /** What was left out. */
  readonly passedOver: PassedOver;
}

/**
 * Lists the images of a tree by class: those of the halves that {@linkcode findHalves} finds, else
 * of `CLASS`, of which `testShare` of each class, chosen by `splitSeed`, become the test images.
 * Folders inside a class belong to it. What is no picture by its name is left out before the split.
 *
 * Throws {@linkcode DataError} when there are fewer than two classes, a class without training
 * images, no test image, or a test class that has no training folder.
 */
export async function listClassFolders(
  tree: FileTree,
  testShare: number,
  splitSeed: number,
): Promise<ClassFolders> {
  const passedOver = new PassedOver();
  const foldersIn = folderLister(tree, passedOver);
  const halves = await findHalves(tree, foldersIn);
  const trainRoot = where(tree, halves.train);
  const classNames = await foldersIn(halves.train);
  if (classNames.length < 2) {
    const only = classNames.length === 1 ? ` (${quoted(classNames[0]!)})` : "";
    throw new DataError(
      `cannot read images in ${trainRoot}: found ${classNames.length} class folders${only}` +
        `${withPassedOver(passedOver)}, expected at least 2, one a class with its images inside`,
    );
  }
  const train = await listImages(tree, halves.train, classNames, classNames, passedOver);
  const filled = new Set(train.map(({ label }) => label));
  const empty = classNames.findIndex((_, label) => !filled.has(label));
  if (empty >= 0) {
    throw new DataError(
      `cannot read images in ${trainRoot}: class folder ${quoted(classNames[empty]!)} holds no ` +
        `image${withPassedOver(passedOver)}, expected images`,
    );
  }
  const found = { classNames, passedOver, notices: halves.notices };
  if (halves.test === undefined) {
    return { ...found, ...divide(tree.source, train, testShare, splitSeed) };
  }

  const testRoot = where(tree, halves.test);
  const testClasses = await foldersIn(halves.test);
  const known = new Set(classNames);
  const unknown = testClasses.find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new DataError(
      `cannot read images in ${testRoot}: found class folder ${quoted(unknown)}, ` +
        `expected one of those in ${trainRoot}`,
    );
  }
  const test = await listImages(tree, halves.test, testClasses, classNames, passedOver);
  if (test.length === 0) {
    throw new DataError(
      `cannot read images in ${testRoot}: found no image in a folder of its class` +
        `${withPassedOver(passedOver)}, expected images`,
    );
  }
  return { ...found, train, test };
}

const where = (tree: FileTree, folder: string) => quoted(join(tree.source, folder));

const withPassedOver = (passedOver: PassedOver) =>
  passedOver.count === 0 ? "" : ` and ${passedOver.text()}`;

/** Splits the files of each class; alike each time for one seed. */
export function divide(
  source: string,
  files: readonly LabelledFile[],
  share: number,
  seed: number,
): { train: LabelledFile[]; test: LabelledFile[] } {
  const labels = files.map((file) => file.label);
  const pick = (indices: Uint32Array) => Array.from(indices, (index) => files[index]!);
  if (files.length * share < 0.5) {
    throw new DataError(
      `cannot split the images in ${
        quoted(source)
      }: a share of ${share} of ${files.length} files ` +
        `is no test image, expected more files, or folders train and test`,
    );
  }
  const { kept, heldOut } = splitHeldOut(
    labels.keys().toArray(),
    labels,
    share,
    seed,
    RandomPurpose.folderSplit,
  );
  return { train: pick(kept), test: pick(heldOut) };
}

async function listImages(
  tree: FileTree,
  root: string,
  folders: readonly string[],
  classNames: readonly string[],
  passedOver: PassedOver,
): Promise<LabelledFile[]> {
  const files: LabelledFile[] = [];
  const labels = new Map(classNames.map((name, label) => [name, label]));
  const above = [(await tree.list(root)).identity, (await tree.list("")).identity];
  for (const folder of folders.toSorted(byCodePoint)) {
    const walk = await walkFiles(tree, join(root, folder), above);
    passedOver.merge(walk.passedOver);
    for (const name of await pictureNames(tree, walk.files, passedOver)) {
      files.push({ name, label: labels.get(folder)! });
    }
  }
  return files;
}
