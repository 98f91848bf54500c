/** Reads files, and says in plain words why one could not be read. */

import { FormatError, messageOf } from "../errors.ts";

/** The error for a file that the operating system would not give; `attempt` begins its message. */
export function readFailure(attempt: string, error: unknown): FormatError {
  if (error instanceof FormatError) return error;
  const reason = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory
    ? "there is no such file"
    : error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable
    ? "no permission to read it"
    : messageOf(error);
  return new FormatError(`${attempt}: ${reason}`, { cause: error });
}

/**
 * The bytes of a file; `what` names it in messages, such as "the plan".
 *
 * @throws {FormatError} where it cannot be read.
 */
export async function readNamedFile(what: string, path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw readFailure(`cannot read ${what} ${path}`, error);
  }
}
