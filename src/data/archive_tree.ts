/** Zip and tar archives, and files in memory, as {@linkcode FileTree}s. */

import { FormatError, LetheError, messageOf } from "../errors.ts";
import { refusal, type Refuse } from "../formats/refusal.ts";
import { extractZipEntry, readZipDirectory } from "../formats/zip.ts";
import { byCodePoint } from "../text/code_points.ts";
import { shown } from "../text/quoted.ts";
import { type FileTree, join, type Listing } from "./file_tree.ts";
import { PassedOver } from "./passed_over.ts";
import { visitTar } from "./tar.ts";

/** The most that a zip archive can say of itself; it is held in memory as it is. */
const MAXIMUM_ZIP_BYTES = 2 ** 32 - 1;
/** Paths of operating systems are not longer, and none of a data set lies deeper. */
const MAXIMUM_NAME_CHARACTERS = 4096;
const MAXIMUM_DEPTH = 64;
/** Bytes that an archive may unpack to beyond three times its own. */
const FREE_BYTES = 96 * 1024 * 1024;

/** A file of an archive or in memory. */
interface Entry {
  readonly size: number;
  readonly read: () => Uint8Array<ArrayBuffer>;
}

/** Files that are held in memory, such as those that a page was given. */
export function memoryTree(
  source: string,
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
): FileTree {
  const entries = new Map(
    [...files].map(([name, bytes]) => [name, { size: bytes.length, read: () => bytes }]),
  );
  return entryTree(source, entries, new PassedOver());
}

/**
 * Opens `name` of `tree` as an archive: zip, tar or gzipped tar, told apart by content; undefined
 * where there is no such file.
 *
 * @throws {FormatError} for other and damaged files, and for archives that unpack to more than three
 * times their size and 96 MiB.
 */
export async function openArchive(tree: FileTree, name: string): Promise<FileTree | undefined> {
  const bytes = await tree.sizeOf(name);
  if (bytes === undefined) return undefined;
  const source = join(tree.source, name);
  const kind = archiveKind(await peek(tree, name));
  if (kind === undefined) {
    throw refusal("archive", source)("another kind of file", "zip, tar or tar.gz");
  }
  if (kind === "zip") {
    const expected = { what: "the archive", limit: MAXIMUM_ZIP_BYTES };
    return openZip(source, await tree.read(name, expected));
  }
  return await openTar(source, await openStream(tree, name, kind), bytes);
}

/** The kind of an archive by its first bytes; undefined for other files. */
export function archiveKind(start: Uint8Array): "zip" | "tar" | "tar.gz" | undefined {
  const [a, b, c, d] = start;
  if (a === 0x50 && b === 0x4b && (c === 3 && d === 4 || c === 5 && d === 6)) return "zip";
  if (a === 0x1f && b === 0x8b) return "tar.gz";
  const magic = String.fromCharCode(...start.subarray(257, 262));
  return magic === "ustar" ? "tar" : undefined;
}

/** The first bytes of a file, at least 512 where it has so many. */
export async function peek(tree: FileTree, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const reader = (await tree.stream(name)).getReader();
  let start = new Uint8Array();
  while (start.length < 512) {
    const { value } = await reader.read();
    if (value === undefined) break;
    const longer = new Uint8Array(start.length + value.length);
    longer.set(start);
    longer.set(value, start.length);
    start = longer;
  }
  await reader.cancel();
  return start;
}

/** The tar stream of a file; damage shows while it is read. */
export async function openStream(
  tree: FileTree,
  name: string,
  kind: "tar" | "tar.gz",
): Promise<ReadableStream<Uint8Array>> {
  const stream = await tree.stream(name);
  return kind === "tar" ? stream : stream.pipeThrough(new DecompressionStream("gzip"));
}

/**
 * The chunks of a stream of at most `maximumBytes`.
 *
 * @throws {FormatError} as `refuse` words it where it is longer or damaged; `expected` says what a
 * sound one is.
 */
export async function* boundedChunks(
  stream: ReadableStream<Uint8Array>,
  maximumBytes: number,
  expected: string,
  refuse: Refuse,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  const reader = stream.getReader();
  try {
    for (;;) {
      const { value } = await reader.read();
      if (value === undefined) return;
      total += value.length;
      if (total > maximumBytes) {
        throw refuse(`more than ${maximumBytes} bytes unpacked`, "an archive that holds less");
      }
      yield value;
    }
  } catch (error) {
    if (error instanceof LetheError) throw error;
    const reason = shown(messageOf(error));
    throw new FormatError(refuse(`damaged data (${reason})`, expected).message, { cause: error });
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function openZip(source: string, bytes: Uint8Array<ArrayBuffer>): FileTree {
  const refuse = refusal("ZIP file", source);
  const entries = new Map<string, Entry>();
  let unpacked = 0;
  const passedOver = new PassedOver();
  for (const entry of readZipDirectory(bytes, refuse).values()) {
    unpacked += entry.size;
    keep(entries, passedOver, entry.name, {
      size: entry.size,
      read: () => new Uint8Array(extractZipEntry(entry, refuse)),
    });
  }
  if (unpacked > unpackedLimit(bytes.length)) throw tooMuch(unpacked, bytes.length, refuse);
  return entryTree(source, entries, passedOver, bytes.length);
}

async function openTar(
  source: string,
  stream: ReadableStream<Uint8Array>,
  archiveBytes: number,
): Promise<FileTree> {
  const refuse = refusal("tar archive", source);
  const entries = new Map<string, Entry>();
  const passedOver = new PassedOver();
  const limit = unpackedLimit(archiveBytes);
  const chunks = boundedChunks(stream, limit, "a complete .tar or .tar.gz archive", refuse);
  await visitTar(chunks, refuse, ({ name, kind, size }) => {
    if (kind === "folder") return undefined;
    if (name === undefined) passedOver.add("names that are not UTF-8", "?");
    else if (kind !== "file") passedOver.add(`entries of kind ${kind}`, name);
    else {
      const path = insidePath(name, refuse);
      if (size > limit) throw tooMuch(size, archiveBytes, refuse);
      const content = new Uint8Array(size);
      if (!keep(entries, passedOver, path, { size, read: () => content })) return undefined;
      let length = 0;
      return (piece) => {
        content.set(piece, length);
        length += piece.length;
      };
    }
    return undefined;
  });
  return entryTree(source, entries, passedOver, archiveBytes);
}

const unpackedLimit = (archiveBytes: number) => 3 * archiveBytes + FREE_BYTES;

function tooMuch(found: number, archiveBytes: number, refuse: Refuse): FormatError {
  return refuse(
    `${found} bytes in an archive of ${archiveBytes}`,
    `at most ${unpackedLimit(archiveBytes)}; where that is right, unpack it and give the folder`,
  );
}

/** The path of a tar entry without `.` parts; refused where it leaves the archive. */
export function insidePath(name: string, refuse: Refuse): string {
  if (name.startsWith("/") || /(?:^|[/\\])\.\.(?:[/\\]|$)/.test(name)) {
    throw refuse(`the entry ${shown(name)}`, "paths inside the archive");
  }
  if (!/(?:^|\/)\.?(?:\/|$)/.test(name)) return name;
  return name.split("/").filter((part) => part !== "." && part !== "").join("/");
}

/** Whether an entry is kept: one of an absurd name is not, and of two alike the later one. */
function keep(
  entries: Map<string, Entry>,
  passedOver: PassedOver,
  name: string,
  entry: Entry,
): boolean {
  if (
    name.length > MAXIMUM_NAME_CHARACTERS ||
    name.split("/", MAXIMUM_DEPTH + 1).length > MAXIMUM_DEPTH
  ) {
    passedOver.add("names that are too long", name);
    return false;
  }
  if (name === "") return false;
  entries.set(name, entry);
  return true;
}

function entryTree(
  source: string,
  entries: ReadonlyMap<string, Entry>,
  passedOver: PassedOver,
  archiveBytes?: number,
): FileTree {
  const folders = foldersOf(entries.keys());
  const find = (name: string): Promise<Entry> => {
    const entry = entries.get(name);
    return entry === undefined
      ? Promise.reject(refusal("file", join(source, name))("nothing", "that file"))
      : Promise.resolve(entry);
  };
  return {
    source,
    ...archiveBytes === undefined ? {} : { archiveBytes },
    list(folder): Promise<Listing> {
      const found = folders.get(folder);
      return Promise.resolve({
        files: [...found?.files ?? []].sort(byCodePoint),
        folders: [...found?.inner ?? []].sort(byCodePoint),
        passedOver: folder === "" ? passedOver : new PassedOver(),
        identity: folder,
      });
    },
    sizeOf: (name) => Promise.resolve(entries.get(name)?.size),
    async read(name, { what, limit }) {
      const entry = await find(name);
      if (entry.size <= limit) return entry.read();
      throw refusal(what, join(source, name))(`${entry.size} bytes`, `at most ${limit}`);
    },
    stream: async (name) => new Blob([(await find(name)).read()]).stream(),
  };
}

interface Folder {
  readonly files: Set<string>;
  readonly inner: Set<string>;
}

/** What lies directly in each folder that the names speak of. */
function foldersOf(names: Iterable<string>): ReadonlyMap<string, Folder> {
  const folders = new Map<string, Folder>([["", { files: new Set(), inner: new Set() }]]);
  const folderOf = (path: string): Folder => {
    const known = folders.get(path);
    if (known !== undefined) return known;
    const folder = { files: new Set<string>(), inner: new Set<string>() };
    folders.set(path, folder);
    const slash = path.lastIndexOf("/");
    folderOf(path.slice(0, Math.max(0, slash))).inner.add(path.slice(slash + 1));
    return folder;
  };
  for (const name of names) {
    const slash = name.lastIndexOf("/");
    folderOf(name.slice(0, Math.max(0, slash))).files.add(name.slice(slash + 1));
  }
  return folders;
}
