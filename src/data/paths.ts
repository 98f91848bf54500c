/** Looks at what lies at a path, where nothing being there is an answer and not an error. */

/** What {@linkcode kindOf} finds. */
export type PathKind = "file" | "folder" | "nothing";

/** Whether a path is a file, a folder, or neither; links are followed. */
export async function kindOf(path: string): Promise<PathKind> {
  try {
    const { isFile, isDirectory } = await Deno.stat(path);
    return isFile ? "file" : isDirectory ? "folder" : "nothing";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return "nothing";
    }
    throw error;
  }
}
