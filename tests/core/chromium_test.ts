/** The core in a page: Chromium compiles the kernels with Tint and runs them on SwiftShader. */

import assert from "node:assert/strict";
import type { CheckResult } from "../../src/doctor/self_test.ts";
import { CHROMIUM, CHROMIUM_FLAGS, hasChromium } from "../chromium.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";

const PAGE = `<!DOCTYPE html><meta charset="utf-8" /><script type="module" src="page.js"></script>`;

/** Bundles a module for browsers. */
async function bundle(path: string, folder: string): Promise<string> {
  const output = `${folder}/page.js`;
  const args = ["bundle", "--quiet", "--platform", "browser", "--output", output, path];
  const { success, stderr } = await new Deno.Command("deno", { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return await Deno.readTextFile(output);
}

/** Opens a page with the script, and waits for what it posts to `/result`. */
async function resultOf(script: string, folder: string): Promise<unknown> {
  const result = Promise.withResolvers<string>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/result") result.resolve(await request.text());
    return pathname === "/page.js"
      ? new Response(script, { headers: { "content-type": "text/javascript" } })
      : new Response(PAGE, { headers: { "content-type": "text/html" } });
  });
  const browser = new Deno.Command(CHROMIUM, {
    args: [
      ...CHROMIUM_FLAGS,
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
      `--user-data-dir=${folder}/profile`,
      `http://127.0.0.1:${server.addr.port}/`,
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    return JSON.parse(
      await Promise.race([
        result.promise,
        browser.status.then(({ code }) => assert.fail(`Chromium ended with ${code}`)),
      ]),
    );
  } finally {
    try {
      browser.kill();
    } catch {
      // It has ended by itself.
    }
    await browser.status;
    await server.shutdown();
  }
}

Deno.test({
  name: "the self-test passes in a page of Chromium, on SwiftShader",
  ignore: !hasChromium(),
  fn: () =>
    withTemporaryFolder(async (folder) => {
      const page = new URL("self_test_page.ts", import.meta.url).pathname;
      const script = await bundle(page, folder);
      assert.doesNotMatch(script, /\bDeno\.|["']node:/, "the core needs a browser alone");
      const { results, error } = await resultOf(script, folder) as {
        results?: CheckResult[];
        error?: string;
      };
      assert.equal(error, undefined);
      assert.ok(results && results.length >= 12);
      assert.deepEqual(results.filter(({ passed }) => !passed), []);
    }),
});
