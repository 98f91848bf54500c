/**
 * Files by name, wherever they lie: the only way in which the data sets read, so that a folder, an
 * archive and the memory of a browser page serve alike. `folder_tree.ts` has the form on a disk,
 * `archive_tree.ts` and `tar.ts` those of archives.
 */

import type { FileExpectation } from "../formats/read_file.ts";
import { byCodePoint } from "../text/code_points.ts";
import { PassedOver } from "./passed_over.ts";

/** Named files and folders. A name is relative; its parts are joined by `/`, and `""` is the root. */
export interface FileTree {
  /** Where they come from, for messages. */
  readonly source: string;
  /** Bytes of the archive that holds them; absent where they lie apart. */
  readonly archiveBytes?: number;
  /** The one file that is meant, where the place of a file was given and no folder's. */
  readonly only?: string;
  /** What lies in a folder; throws {@linkcode FormatError} where it cannot be read. */
  readonly list: (folder: string) => Promise<Listing>;
  /** Bytes of a file; undefined where there is none of that name. */
  readonly sizeOf: (name: string) => Promise<number | undefined>;
  /** The content of a file; throws {@linkcode FormatError} for a missing, damaged or larger one. */
  readonly read: (name: string, expected: FileExpectation) => Promise<Uint8Array<ArrayBuffer>>;
  /** The content of a file in chunks; throws {@linkcode FormatError} where it cannot be opened. */
  readonly stream: (name: string) => Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
}

/** What lies directly in a folder, sorted by code point. */
export interface Listing {
  /** Names of the files without the folder. */
  readonly files: readonly string[];
  /** Names of the folders in it, likewise. */
  readonly folders: readonly string[];
  /** What is neither, or cannot be reached. */
  readonly passedOver: PassedOver;
  /** The folder itself by whatever name it was reached, so that links cannot lead in circles. */
  readonly identity: string;
}

/** The name of something in a folder. */
export function join(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** A folder of a tree as a tree of its own; undefined where there is none of that name. */
export async function subtree(tree: FileTree, folder: string): Promise<FileTree | undefined> {
  let [above, path] = ["", ""];
  for (const part of folder.split("/")) {
    [above, path] = [path, join(path, part)];
    if (!(await tree.list(above)).folders.includes(part)) return undefined;
  }
  return {
    source: join(tree.source, folder),
    ...tree.archiveBytes === undefined ? {} : { archiveBytes: tree.archiveBytes },
    list: (name) => tree.list(name === "" ? folder : join(folder, name)),
    sizeOf: (name) => tree.sizeOf(join(folder, name)),
    read: (name, expected) => tree.read(join(folder, name), expected),
    stream: (name) => tree.stream(join(folder, name)),
  };
}

/** Folders that systems leave behind. */
const SYSTEM_FOLDERS = new Set([
  "__MACOSX",
  "@eaDir",
  "$RECYCLE.BIN",
  "System Volume Information",
  "lost+found",
]);

/** Whether a file or folder is one that systems keep for themselves, such as `.DS_Store`. */
export function isSystemName(name: string): boolean {
  return name.startsWith(".") || SYSTEM_FOLDERS.has(name);
}

/** Files below a folder. */
export interface Walk {
  /** Names of the files from the root on: by folder, and in each by name. */
  readonly files: readonly string[];
  /** What was left out on the way. */
  readonly passedOver: PassedOver;
}

/**
 * All files in `folder` and the folders inside, in the order of torchvision's `make_dataset`. What
 * systems keep for themselves is passed over, and a folder that links lead to again.
 *
 * @param entered Identities of folders that are not entered, such as those above.
 */
export async function walkFiles(
  tree: FileTree,
  folder: string,
  entered: readonly string[] = [],
): Promise<Walk> {
  const seen = new Set(entered);
  const passedOver = new PassedOver();
  const byFolder = new Map<string, readonly string[]>();
  const waiting = [folder];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const listing = await tree.list(next);
    if (seen.has(listing.identity)) {
      passedOver.add("folders that links lead to again", next);
      continue;
    }
    seen.add(listing.identity);
    passedOver.merge(listing.passedOver);
    const ordinary = (name: string) => {
      if (isSystemName(name)) passedOver.add("hidden or system files", join(next, name));
      return !isSystemName(name);
    };
    byFolder.set(next, listing.files.filter(ordinary));
    // The first name is entered first, and so keeps the files that a link leads to as well.
    for (const name of listing.folders.filter(ordinary).toReversed()) {
      waiting.push(join(next, name));
    }
  }
  const files = [...byFolder.keys()].sort(byCodePoint).flatMap((parent) =>
    byFolder.get(parent)!.map((name) => join(parent, name))
  );
  return { files, passedOver };
}
