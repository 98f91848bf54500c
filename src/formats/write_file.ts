/** Writes files so that a reader, or a run that is killed and resumed, never sees half of one. */

import { FormatError, messageOf } from "../errors.ts";
import { shown } from "../text/quoted.ts";

/** Why the operating system refused, in plain words. */
function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "its folder does not exist";
  if (
    error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable
  ) {
    return "no permission to write there";
  }
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT") return "the disk is full";
  return messageOf(error);
}

/** The error for a file that could not be written and whose former content is unchanged. */
export function writeFailure(path: string, error: unknown): FormatError {
  return new FormatError(
    `cannot write ${shown(path)}: ${reason(error)}; what was there is unchanged`,
    { cause: error },
  );
}

/**
 * Makes a folder and those above it, where they are not there.
 *
 * @throws {FormatError} saying why that cannot be.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw folderFailure(path, error);
  }
}

/** The error for a folder that cannot be made. */
export function folderFailure(path: string, error: unknown): FormatError {
  const why = error instanceof Deno.errors.NotADirectory ||
      error instanceof Deno.errors.AlreadyExists
    ? "a file stands in its way"
    : reason(error);
  return new FormatError(`cannot make the folder ${shown(path)}: ${why}`, { cause: error });
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}

/**
 * Replaces the file at `path`: writes a temporary file in the same folder, flushes it to disk and
 * renames it. Where any of that fails the temporary file is removed, what was at `path` stays as it
 * was, and {@linkcode FormatError} says why.
 */
export async function writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  let created = false;
  try {
    {
      using file = await Deno.open(temporary, { write: true, createNew: true });
      created = true;
      await writeAll(file, bytes);
      await file.syncData();
    }
    await Deno.rename(temporary, path);
  } catch (error) {
    // A second failure, of the removal, would only hide the first.
    if (created) await Deno.remove(temporary).catch(() => {});
    throw writeFailure(path, error);
  }
}
