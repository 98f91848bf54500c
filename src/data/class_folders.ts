/** Finds the images of a folder with one sub-folder a class, without decoding them. */

import { DataError } from "../errors.ts";
import { quoted } from "../text/quoted.ts";
import { classesOf, type ClassOptions } from "./class_names.ts";
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
  /** Names of the classes; their order makes the labels. Folders sort by code point. */
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

/** How labels become classes, and how images are divided where no folders do it. */
export interface SplitOptions extends ClassOptions {
  /** Share of each class to test on. */
  readonly testShare: number;
  /** Decides which those are. */
  readonly splitSeed: number;
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
  options: SplitOptions,
): Promise<ClassFolders> {
  const passedOver = new PassedOver();
  const foldersIn = folderLister(tree, passedOver);
  const halves = await findHalves(tree, foldersIn);
  const trainRoot = where(tree, halves.train);
  const folders = await foldersIn(halves.train);
  if (folders.length < 2) {
    const only = folders.length === 1 ? ` (${quoted(folders[0]!)})` : "";
    throw new DataError(
      `cannot read images in ${trainRoot}: found ${folders.length} class folders${only}` +
        `${withPassedOver(passedOver)}, expected at least 2, one a class with its images inside`,
    );
  }
  const { classNames, indexOf, notices } = classesOf(folders, options, "class folder");
  const train = await listImages(tree, halves.train, folders, indexOf, passedOver);
  const filled = new Set(train.map(({ label }) => label));
  const empty = folders.find((folder) => !filled.has(indexOf.get(folder)!));
  if (empty !== undefined) {
    throw new DataError(
      `cannot read images in ${trainRoot}: class folder ${quoted(empty)} holds no ` +
        `image${withPassedOver(passedOver)}, expected images`,
    );
  }
  const found = { classNames, passedOver, notices: [...halves.notices, ...notices] };
  if (halves.test === undefined) return { ...found, ...divide(tree.source, train, options) };

  const testRoot = where(tree, halves.test);
  const testClasses = await foldersIn(halves.test);
  const unknown = testClasses.find((name) => !indexOf.has(name));
  if (unknown !== undefined) {
    throw new DataError(
      `cannot read images in ${testRoot}: found class folder ${quoted(unknown)}, ` +
        `expected one of those in ${trainRoot}`,
    );
  }
  const test = await listImages(tree, halves.test, testClasses, indexOf, passedOver);
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
  { testShare: share, splitSeed: seed }: SplitOptions,
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
  indexOf: ReadonlyMap<string, number>,
  passedOver: PassedOver,
): Promise<LabelledFile[]> {
  const files: LabelledFile[] = [];
  const above = [(await tree.list(root)).identity, (await tree.list("")).identity];
  const label = (folder: string) => indexOf.get(folder)!;
  for (const folder of folders.toSorted((a, b) => label(a) - label(b))) {
    const walk = await walkFiles(tree, join(root, folder), above);
    passedOver.merge(walk.passedOver);
    for (const name of await pictureNames(tree, walk.files, passedOver)) {
      files.push({ name, label: label(folder) });
    }
  }
  return files;
}
