/**
 * Reads files that others wrote: what a path leads to is checked before it is opened, so that no
 * device, pipe or file of another size than a sensible one hangs a reader or fills the memory.
 */

import { FormatError, messageOf } from "../errors.ts";
import { quoted, shown } from "../text/quoted.ts";

/** What a file is to its reader. */
export interface FileExpectation {
  /** Names it in messages, with its article: "the plan". */
  readonly what: string;
  /** Most bytes that it may have. */
  readonly limit: number;
}

/** Why the operating system would not give a file or folder, in words. */
function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    return "there is no such file";
  }
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return "no permission to read it";
  }
  if (error instanceof Deno.errors.FilesystemLoop) return "its links lead in a circle";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  const message = messageOf(error);
  if (/file ?name too long/i.test(message)) return "its path is too long";
  if (/NUL byte/i.test(message)) return "its path holds a NUL character";
  if (/empty path/i.test(message)) return "its path is empty";
  // Deno repeats the path behind the system's own words.
  return quoted(message.split(" (os error")[0]!).slice(1, -1);
}

/**
 * The error for a file or folder that the operating system would not give; `attempt` begins its
 * message. A {@linkcode FormatError} stays what it is.
 */
export function readFailure(attempt: string, error: unknown): FormatError {
  if (error instanceof FormatError) return error;
  return new FormatError(`${attempt}: ${reason(error)}`, { cause: error });
}

function sizeText(bytes: number): string {
  for (const [unit, name] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"]] as const) {
    if (bytes >= unit && bytes % unit === 0) return `${bytes / unit} ${name}`;
  }
  return `${bytes} bytes`;
}

/**
 * The size in bytes of the file that a path leads to. Nothing is opened.
 *
 * @throws {FormatError} where it leads to nothing, to anything but a regular file, or to one of
 * more than `limit` bytes.
 */
export async function checkRegularFile(
  path: string,
  { what, limit }: FileExpectation,
): Promise<number> {
  const attempt = `cannot read ${what} ${shown(path)}`;
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    throw readFailure(attempt, error);
  }
  const found = info.isDirectory
    ? "a folder"
    : !info.isFile
    ? "a device or pipe"
    : info.size > limit
    ? `${info.size} bytes`
    : undefined;
  if (found === undefined) return info.size;
  throw new FormatError(
    `${attempt}: found ${found}, expected a regular file of at most ${sizeText(limit)}`,
  );
}

/**
 * The bytes of a regular file, and no more of them than its size stated: one that grows meanwhile
 * is cut, and one that states no bytes (as those of `/proc` do, which may never end) is not opened.
 *
 * @throws {FormatError} as {@linkcode checkRegularFile} does, and where reading fails.
 */
export async function readRegularFile(
  path: string,
  expectation: FileExpectation,
): Promise<Uint8Array<ArrayBuffer>> {
  const size = await checkRegularFile(path, expectation);
  if (size === 0) return new Uint8Array(0);
  try {
    using file = await Deno.open(path);
    const bytes = new Uint8Array(size);
    let length = 0;
    while (length < size) {
      const read = await file.read(bytes.subarray(length));
      if (read === null) break;
      length += read;
    }
    return bytes.subarray(0, length);
  } catch (error) {
    throw readFailure(`cannot read ${expectation.what} ${shown(path)}`, error);
  }
}

/**
 * The bytes of an open file in pieces; it is closed with the stream. Where reading fails the stream
 * does so with a {@linkcode FormatError}, whose message `attempt` begins.
 */
export function fileStream(
  file: Deno.FsFile,
  attempt: string,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = file.readable.getReader();
  return new ReadableStream({
    async pull(controller) {
      const { value } = await reader.read().catch((error) => {
        throw readFailure(attempt, error);
      });
      if (value) controller.enqueue(value);
      else controller.close();
    },
    cancel: (cause) => reader.cancel(cause),
  }, { highWaterMark: 0 });
}

/**
 * The text of a regular file, without a byte order mark.
 *
 * @throws {FormatError} as {@linkcode readRegularFile} does, and where it is not UTF-8.
 */
export async function readTextFile(path: string, expectation: FileExpectation): Promise<string> {
  const bytes = await readRegularFile(path, expectation);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new FormatError(
      `cannot read ${expectation.what} ${shown(path)}: found bytes that are not UTF-8, ` +
        "expected text",
      { cause: error },
    );
  }
}
