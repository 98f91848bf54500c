/** A folder on the disk as a {@linkcode FileTree}; of the trees, the only one that asks Deno. */

import { FormatError } from "../errors.ts";
import {
  checkRegularFile,
  fileStream,
  readFailure,
  readRegularFile,
} from "../formats/read_file.ts";
import { byCodePoint } from "../text/code_points.ts";
import { shown } from "../text/quoted.ts";
import { type FileTree, join, type Listing } from "./file_tree.ts";
import { PassedOver } from "./passed_over.ts";
import { kindOf } from "./paths.ts";

/** The replacement of what is not UTF-8 in a name, as Deno gives it. */
const REPLACEMENT = "\ufffd";

/** The files of a folder, each read when it is asked for. Links count as what they point to. */
export function folderTree(source: string): FileTree {
  const pathOf = (name: string) => name === "" ? source : `${source}/${name}`;
  return {
    source,
    list: (folder) => listFolder(pathOf(folder), folder),
    async sizeOf(name) {
      const path = pathOf(name);
      if (await kindOf(path) !== "file") return undefined;
      return await checkRegularFile(path, { what: "the file", limit: Infinity });
    },
    read: (name, expected) => readRegularFile(pathOf(name), expected),
    async stream(name) {
      const path = pathOf(name);
      await checkRegularFile(path, { what: "the file", limit: Infinity });
      const attempt = `cannot read ${shown(path)}`;
      const file = await Deno.open(path).catch((error) => {
        throw readFailure(attempt, error);
      });
      return fileStream(file, attempt);
    },
  };
}

/** A tree of what lies at a path: of a folder, or of the folder around a file, which it names. */
export async function openPlace(path: string): Promise<FileTree> {
  if (await kindOf(path) !== "file") return folderTree(path);
  const slash = path.lastIndexOf("/");
  const folder = slash < 0 ? "." : slash === 0 ? "/" : path.slice(0, slash);
  return { ...folderTree(folder), only: path.slice(slash + 1) };
}

async function listFolder(path: string, folder: string): Promise<Listing> {
  const [files, folders]: [string[], string[]] = [[], []];
  const passedOver = new PassedOver();
  try {
    const identity = await Deno.realPath(path);
    for await (const entry of Deno.readDir(path)) {
      const { name } = entry;
      const found = await kindOfEntry(`${path}/${name}`, entry);
      if (found === "file") files.push(name);
      else if (found === "folder") folders.push(name);
      else passedOver.add(found, join(folder, name));
    }
    return {
      files: files.sort(byCodePoint),
      folders: folders.sort(byCodePoint),
      passedOver,
      identity,
    };
  } catch (error) {
    const attempt = `cannot read the folder ${shown(path)}`;
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      throw new FormatError(`${attempt}: there is no such folder`, { cause: error });
    }
    throw readFailure(attempt, error);
  }
}

/** What an entry of a folder is, or why it is passed over. */
async function kindOfEntry(path: string, entry: Deno.DirEntry): Promise<string> {
  const isLossy = entry.name.includes(REPLACEMENT);
  if (!entry.isSymlink && !isLossy) {
    return entry.isFile ? "file" : entry.isDirectory ? "folder" : "devices or pipes";
  }
  let found: Deno.FileInfo;
  try {
    found = await Deno.stat(path);
  } catch {
    return isLossy ? "names that are not UTF-8" : "links that lead nowhere";
  }
  return found.isFile ? "file" : found.isDirectory ? "folder" : "devices or pipes";
}
