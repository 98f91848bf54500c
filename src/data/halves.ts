/** Finds where the classes of a folder of images begin: in it, or in folders for training and test. */

import { DataError } from "../errors.ts";
import { quoted } from "../text/quoted.ts";
import { type FileTree, isSystemName, join } from "./file_tree.ts";
import type { PassedOver } from "./passed_over.ts";

/** Folders one inside the other that hold nothing else. */
const MAXIMUM_WRAPPERS = 8;

/** The folders whose sub-folders are the classes. */
export interface Halves {
  /** Of the images to train on; of all where there is no `test`. */
  readonly train: string;
  /** Of the images to measure on. */
  readonly test?: string;
  /** What a user should know of the choice. */
  readonly notices: readonly string[];
}

/** What images are for: `val` measures where there is no `test`. */
export type Role = "train" | "val" | "test";

const ROLES: Readonly<Record<string, Role>> = {
  train: "train",
  training: "train",
  val: "val",
  valid: "val",
  validation: "val",
  test: "test",
  testing: "test",
};

/** What the name of a folder says of the images in it; undefined where it says nothing. */
export function roleOf(name: string): Role | undefined {
  const key = name.toLowerCase();
  return Object.hasOwn(ROLES, key) ? ROLES[key] : undefined;
}

/** Names of the folders in a folder, without those of the system. */
export type FoldersIn = (folder: string) => Promise<readonly string[]>;

/** Lists each folder once, and counts in `passedOver` what is nothing to list. */
export function folderLister(tree: FileTree, passedOver: PassedOver): FoldersIn {
  const listed = new Map<string, readonly string[]>();
  return async (folder) => {
    const known = listed.get(folder);
    if (known !== undefined) return known;
    const listing = await tree.list(folder);
    passedOver.merge(listing.passedOver);
    for (const name of [...listing.folders, ...listing.files]) {
      if (isSystemName(name)) passedOver.add("hidden or system files", join(folder, name));
    }
    const folders = listing.folders.filter((name) => !isSystemName(name));
    listed.set(folder, folders);
    return folders;
  };
}

/** The first folder with several folders inside, on a way of folders with one; else the root. */
async function findRoot(foldersIn: FoldersIn): Promise<string> {
  let folder = "";
  for (let depth = 0; depth < MAXIMUM_WRAPPERS; depth++) {
    const inner = await foldersIn(folder);
    if (inner.length > 1) return folder;
    if (inner.length === 0) break;
    folder = join(folder, inner[0]!);
  }
  return "";
}

/**
 * Finds the halves: `train` beside `test` or `val` (also `training`, `valid`, `validation`,
 * `testing`, in any case), of which `test` is measured on where all three are there. A folder that
 * holds nothing but another folder of folders is entered.
 *
 * @throws {DataError} where two folders claim one role, or half of the halves is missing.
 */
export async function findHalves(tree: FileTree, foldersIn: FoldersIn): Promise<Halves> {
  const root = await findRoot(foldersIn);
  const folders = await foldersIn(root);
  const notices = root === ""
    ? []
    : [`the folder ${quoted(root)} in ${quoted(tree.source)} holds the images`];
  const found = new Map<Role, string>();
  for (const name of folders) {
    const role = roleOf(name);
    if (role === undefined) continue;
    const other = found.get(role);
    if (other !== undefined) {
      throw new DataError(
        `cannot tell the halves of ${quoted(tree.source)}: found ${quoted(other)} and ` +
          `${quoted(name)}, expected one folder of that meaning`,
      );
    }
    found.set(role, name);
  }
  const inside = async (role: Role) => {
    const name = found.get(role);
    return name === undefined ? 0 : (await foldersIn(join(root, name))).length;
  };
  const [train, test, val] = [await inside("train"), await inside("test"), await inside("val")];
  if (train > 0 && (found.has("test") || found.has("val"))) {
    const measured = found.has("test") && (test > 0 || val === 0) ? "test" : "val";
    const halves = {
      train: join(root, found.get("train")!),
      test: join(root, found.get(measured)!),
    };
    const unused = folders.filter((name) =>
      ![found.get("train"), found.get(measured)].includes(name)
    );
    const isPlain = halves.train === "train" && halves.test === "test" && unused.length === 0;
    const rest = unused.length === 0
      ? ""
      : `; not used: ${unused.slice(0, 8).map(quoted).join(", ")}${
        unused.length > 8 ? ", ..." : ""
      }`;
    return {
      ...halves,
      notices: isPlain ? notices : [
        ...notices,
        `images to train on are those in ${quoted(halves.train)}, to measure on those in ` +
        `${quoted(halves.test)}${rest}`,
      ],
    };
  }
  if (train > 1 || test > 1 || val > 1) {
    throw new DataError(
      `cannot tell the halves of ${quoted(tree.source)}: found the folders ` +
        `${folders.slice(0, 8).map(quoted).join(", ")} with folders inside, expected "train" ` +
        `beside "test" or "val", or one folder a class`,
    );
  }
  return { train: root, notices };
}
