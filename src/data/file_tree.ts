/** Reads files by name out of a folder or a zip archive, whichever of the two is there. */

import { refusal } from "../formats/refusal.ts";
import { extractZipEntry, readZipDirectory } from "../formats/zip.ts";
import { kindOf } from "./paths.ts";

/** Named files that can be read one at a time. */
export interface FileTree {
  /** Where they come from, for messages. */
  readonly source: string;
  /** Names of all files, sorted by code unit; parts of a path are joined by `/`. */
  readonly names: readonly string[];
  /** The content of one of them; throws {@linkcode FormatError} for damaged data. */
  readonly read: (name: string) => Promise<Uint8Array>;
}

/** No file of a data set of small images comes near. */
const MAXIMUM_FILE_BYTES = 64 * 1024 * 1024;

/**
 * Opens a zip archive, which is held in memory as it is, or a folder with all its sub-folders.
 * Undefined when nothing is there; throws {@linkcode FormatError} for a file that is no zip archive.
 */
export async function openFileTree(place: string): Promise<FileTree | undefined> {
  const kind = await kindOf(place);
  if (kind === "nothing") return undefined;
  return await (kind === "file" ? openZip(place) : openFolder(place));
}

async function openZip(path: string): Promise<FileTree> {
  const refuse = refusal("ZIP file", path);
  const entries = readZipDirectory(await Deno.readFile(path), refuse);
  return {
    source: path,
    names: [...entries.keys()].sort(),
    read(name) {
      const entry = entries.get(name);
      if (entry === undefined) throw refuse(`no entry "${name}"`, "that file");
      if (entry.size > MAXIMUM_FILE_BYTES) {
        throw refuse(`"${name}" of ${entry.size} bytes`, `at most ${MAXIMUM_FILE_BYTES}`);
      }
      return Promise.resolve(extractZipEntry(entry, refuse));
    },
  };
}

async function openFolder(root: string): Promise<FileTree> {
  const names: string[] = [];
  const list = async (prefix: string) => {
    for await (const entry of Deno.readDir(`${root}/${prefix}`)) {
      if (entry.isDirectory) await list(`${prefix}${entry.name}/`);
      else if (entry.isFile) names.push(prefix + entry.name);
    }
  };
  await list("");
  return {
    source: root,
    names: names.sort(),
    async read(name) {
      const { size } = await Deno.stat(`${root}/${name}`);
      if (size > MAXIMUM_FILE_BYTES) {
        throw refusal("file", `${root}/${name}`)(`${size} bytes`, `at most ${MAXIMUM_FILE_BYTES}`);
      }
      return await Deno.readFile(`${root}/${name}`);
    },
  };
}
