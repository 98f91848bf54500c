/** Looks at what lies at a path, where nothing being there is an answer and not an error. */

import { readFailure } from "../formats/read_file.ts";
import { shown } from "../text/quoted.ts";

/** What {@linkcode kindOf} finds. */
export type PathKind = "file" | "folder" | "nothing";

/**
 * Whether a path is a file, a folder, or neither (which devices and pipes are); links are followed.
 *
 * @throws {FormatError} where that cannot be told: for a path without permission to it, links that
 * lead in a circle, a path that is too long.
 */
export async function kindOf(path: string): Promise<PathKind> {
  try {
    const { isFile, isDirectory } = await Deno.stat(path);
    return isFile ? "file" : isDirectory ? "folder" : "nothing";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return "nothing";
    }
    throw readFailure(`cannot look at ${shown(path)}`, error);
  }
}
