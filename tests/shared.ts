/**
 * Files that tests use where they are present but that are no part of the project: published
 * checkpoints, reference numbers, data sets. They lie in `../shared`, next to the project's folder.
 */

const FOLDER = new URL("../../shared/", import.meta.url);

/**
 * Where `path` of the shared files is, or `undefined`, after a line that says so, where it is
 * missing or may not be read. For `ignore:` of a test that needs it.
 */
export function shared(path: string): URL | undefined {
  const url = new URL(path, FOLDER);
  try {
    Deno.statSync(url);
    return url;
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "missing" : "not readable";
    console.warn(`../shared/${path} is ${reason}: the tests that need it are skipped`);
    return undefined;
  }
}
