/** Finds the images of a folder with one sub-folder a class, without reading them. */

import { DataError } from "../errors.ts";
import { splitHeldOut } from "./clean_subset.ts";
import { kindOf } from "./paths.ts";
import { RandomPurpose } from "./random.ts";

/** A file that should be an image, and its class. */
export interface LabelledFile {
  /** Where it lies. */
  readonly path: string;
  /** Index of its class. */
  readonly label: number;
}

/** What {@linkcode listClassFolders} finds. */
export interface ClassFolders {
  /** Names of the class folders, sorted by code unit, which makes their order the labels. */
  readonly classNames: readonly string[];
  /** Training files, by class and then by name. */
  readonly train: readonly LabelledFile[];
  /** Test files, likewise. */
  readonly test: readonly LabelledFile[];
}

/**
 * Lists the files of `root`: of `root/train/CLASS` and `root/test/CLASS` where both `train` and
 * `test` are there, else of `root/CLASS`, of which `testShare` of each class, chosen by `splitSeed`,
 * become the test images. Names that start with a dot are passed over, as are folders inside a class.
 *
 * Throws {@linkcode DataError} when there is no folder, fewer than two classes, a class without
 * training images, no test image, or a test class that has no training folder.
 */
export async function listClassFolders(
  root: string,
  testShare: number,
  splitSeed: number,
): Promise<ClassFolders> {
  if (await kindOf(root) !== "folder") {
    throw new DataError(
      `cannot read images: found no folder at ${root}, expected one with a sub-folder a class`,
    );
  }
  const folders = await list(root, "folder");
  const divided = folders.includes("train") && folders.includes("test");
  const trainRoot = divided ? `${root}/train` : root;
  const classNames = divided ? await list(trainRoot, "folder") : folders;
  if (classNames.length < 2) {
    throw new DataError(
      `cannot read images in ${trainRoot}: found ${classNames.length} class folders` +
        `${classNames.length === 1 ? ` ("${classNames[0]}")` : ""}, expected at least 2, ` +
        `one a class with its images inside`,
    );
  }
  const train = await listFiles(trainRoot, classNames, classNames);
  for (const [label, name] of classNames.entries()) {
    if (!train.some((file) => file.label === label)) {
      throw new DataError(
        `cannot read images in ${trainRoot}: class folder "${name}" holds no file, ` +
          `expected images`,
      );
    }
  }
  if (!divided) return { classNames, ...divide(root, train, testShare, splitSeed) };

  const testRoot = `${root}/test`;
  const testClasses = await list(testRoot, "folder");
  const unknown = testClasses.find((name) => !classNames.includes(name));
  if (unknown !== undefined) {
    throw new DataError(
      `cannot read images in ${testRoot}: found class folder "${unknown}", ` +
        `expected one of those in ${trainRoot}`,
    );
  }
  const test = await listFiles(testRoot, testClasses, classNames);
  if (test.length === 0) {
    throw new DataError(`cannot read images in ${testRoot}: found no file, expected images`);
  }
  return { classNames, train, test };
}

function divide(root: string, files: LabelledFile[], share: number, seed: number) {
  const labels = files.map((file) => file.label);
  const pick = (indices: Uint32Array) => Array.from(indices, (index) => files[index]!);
  if (files.length * share < 0.5) {
    throw new DataError(
      `cannot split the images in ${root}: a share of ${share} of ${files.length} files is no ` +
        `test image, expected more files, or folders train and test`,
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

async function listFiles(
  root: string,
  folders: readonly string[],
  classNames: readonly string[],
): Promise<LabelledFile[]> {
  const files: LabelledFile[] = [];
  for (const folder of folders) {
    const label = classNames.indexOf(folder);
    for (const name of await list(`${root}/${folder}`, "file")) {
      files.push({ path: `${root}/${folder}/${name}`, label });
    }
  }
  return files;
}

/** Sorted names of the files or folders in `folder`; links count as what they point to. */
async function list(folder: string, kind: "file" | "folder"): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isFile, isDirectory } of Deno.readDir(folder)) {
    if (name.startsWith(".")) continue;
    const found = isFile ? "file" : isDirectory ? "folder" : await kindOf(`${folder}/${name}`);
    if (found === kind) names.push(name);
  }
  return names.sort();
}
