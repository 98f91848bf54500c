/** A folder that lives as long as one test. */

/** Calls `body` with the path of a fresh folder and removes the folder afterwards. */
export async function withTemporaryFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lethe_test_" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
