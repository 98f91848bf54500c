/** Chromium without a window, for the tests in a browser, where it is installed. */

/** Debian's. */
export const CHROMIUM = "/usr/bin/chromium";

/** What it takes to run as root, without a window and without calling anybody. */
export const CHROMIUM_FLAGS: readonly string[] = [
  "--headless=new",
  "--no-sandbox",
  "--no-first-run",
  "--disable-background-networking",
  "--hide-scrollbars",
];

/** False, after a line that says so, where there is no Chromium or it may not be run. */
export function hasChromium(): boolean {
  try {
    const { state } = Deno.permissions.querySync({ name: "run", command: CHROMIUM });
    if (state === "granted" && Deno.statSync(CHROMIUM).isFile) return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  console.warn(`${CHROMIUM} is missing or may not be run: the tests in a browser are skipped`);
  return false;
}
