/**
 * Runs in folders on a disk; the only file of `src/runs` that knows Deno. Whoever writes into a folder
 * holds the system's lock on `checkpoint/lock`, which goes when its process does, however that ends.
 */

import { FormatError, UsageError } from "../errors.ts";
import { readFailure, readRegularFile } from "../formats/read_file.ts";
import { folderFailure, makeFolder, writeFailure, writeFileAtomic } from "../formats/write_file.ts";
import { shown } from "../text/quoted.ts";
import type { Store } from "./store.ts";

/** The folder within a run's folder, and the file in it that is locked. */
const INNER = "checkpoint";
const LOCK = `${INNER}/lock`;

/** What a process that was killed while it wrote a file leaves of it. */
const TEMPORARY = /\.[0-9a-f]{8}\.tmp$/;

/**
 * The folder of a new run, reserved for this process: `out`, or the first of `NAME-1`, `NAME-2`, ...
 * that does not exist.
 *
 * @throws {UsageError} where another process writes into it.
 * @throws {FormatError} where it cannot be made.
 */
export async function reserveFolder(out: string | undefined, name: string): Promise<Store> {
  const path = out ?? await makeNextFolder(name);
  await makeFolder(`${path}/${INNER}`);
  return lockedFolder(path, "start a run in");
}

/**
 * The folder of an earlier run, reserved for this process. What a killed process left half written is
 * removed.
 *
 * @throws {UsageError} where another process writes into it.
 */
export async function takeFolder(path: string): Promise<Store> {
  // A folder that holds no run is refused by whoever reads it, and stays as it is.
  const isRun = await Deno.stat(`${path}/${INNER}`).then((info) => info.isDirectory, () => false);
  const store = isRun ? await lockedFolder(path, "resume") : folderStore(path);
  for (const name of isRun ? await store.list() : []) {
    if (TEMPORARY.test(name)) await store.remove(name);
  }
  return store;
}

/** Makes the first folder that does not exist; no other process makes the same one. */
async function makeNextFolder(name: string): Promise<string> {
  const parent = name.slice(0, Math.max(0, name.lastIndexOf("/")));
  if (parent !== "") await makeFolder(parent);
  for (let i = 1;; i++) {
    const path = `${name}-${i}`;
    try {
      await Deno.mkdir(path);
      return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw folderFailure(path, error);
    }
  }
}

async function lockedFolder(path: string, attempt: string): Promise<Store> {
  const lock = `${path}/${LOCK}`;
  await expectOwnFile(lock);
  const file = await Deno.open(lock, { read: true, write: true, create: true })
    .catch((error) => {
      throw writeFailure(lock, error);
    });
  // Some network file systems have no locks; there nothing tells two processes apart.
  const free = await file.tryLock(true).catch(() => true);
  if (free) return folderStore(path, file);
  file.close();
  throw new UsageError(
    `cannot ${attempt} ${shown(path)}: another process is running in it; wait for its end, or ` +
      "choose another folder",
  );
}

/** A folder to read from; to write into where this process holds its lock. */
export function folderStore(path: string, lock?: Deno.FsFile): Store {
  const pathOf = (name: string) => `${path}/${name}`;
  const close = () => {
    lock?.close();
    lock = undefined;
  };
  return {
    path,
    async read(name, limit) {
      try {
        await Deno.lstat(pathOf(name));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
          return undefined;
        }
        throw readFailure(`cannot read ${shown(pathOf(name))}`, error);
      }
      return await readRegularFile(pathOf(name), { what: "the file", limit });
    },
    write: (name, bytes) => writeFileAtomic(pathOf(name), bytes),
    async append(name, size, bytes) {
      await expectOwnFile(pathOf(name));
      try {
        using file = await Deno.open(pathOf(name), { write: true, create: true });
        await file.truncate(size);
        await file.seek(0, Deno.SeekMode.End);
        for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
        await file.syncData();
      } catch (error) {
        throw writeFailure(pathOf(name), error);
      }
    },
    exists: () => Deno.stat(path).then((info) => info.isDirectory, () => false),
    list: () => filesIn(path),
    async remove(name) {
      await Deno.remove(pathOf(name)).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw writeFailure(pathOf(name), error);
      });
    },
    close,
    async discard() {
      close();
      await Deno.remove(pathOf(LOCK)).catch(() => {});
      // Folders with files in them refuse to go, and stay.
      for (const folder of [pathOf(INNER), path]) await Deno.remove(folder).catch(() => {});
    },
  };
}

/** Refuses to open for writing what a foreign folder may have in place of a file: a link, a pipe. */
async function expectOwnFile(path: string): Promise<void> {
  const isOther = await Deno.lstat(path).then((info) => !info.isFile, () => false);
  if (!isOther) return;
  throw new FormatError(`cannot write ${shown(path)}: found a link, folder or pipe there`);
}

/** Names of the regular files in a folder and in those within it; links are not followed. */
async function filesIn(path: string): Promise<string[]> {
  const names: string[] = [];
  const walk = async (prefix: string) => {
    for await (const { name, isFile, isDirectory } of Deno.readDir(`${path}/${prefix}`)) {
      if (isFile) names.push(prefix + name);
      if (isDirectory && prefix === "") await walk(`${name}/`);
    }
  };
  try {
    await walk("");
  } catch (error) {
    throw readFailure(`cannot read the folder ${shown(path)}`, error);
  }
  return names.sort();
}
