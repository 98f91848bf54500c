/** What other programs import: the faces that deno.json exports. */

import assert from "node:assert/strict";
import configuration from "../deno.json" with { type: "json" };

/** The text of a module without comments, and the modules that it loads when it runs. */
function readModule(url: URL): { text: string; imports: URL[] } {
  const text = Deno.readTextFileSync(url)
    .replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const found = text.matchAll(
    /^(?:import|export)\b(?! type)[^;"]*?(?:from )?"(\.[^"]+\.(?:ts|json))"/gm,
  );
  return { text, imports: [...found].map(([, path]) => new URL(path!, url)) };
}

/** Every module that `url` loads, with its text. */
function modulesOf(url: URL, seen = new Map<string, string>()): Map<string, string> {
  if (seen.has(url.href)) return seen;
  const { text, imports } = readModule(url);
  seen.set(url.href, text);
  for (const each of imports) modulesOf(each, seen);
  return seen;
}

Deno.test("the core knows neither Deno nor Node nor files: it runs in a page", () => {
  const modules = modulesOf(new URL("../core.ts", import.meta.url));
  assert.ok(modules.size > 100, String(modules.size));
  for (const [name, text] of modules) {
    if (!name.endsWith(".json")) assert.doesNotMatch(text, /\bDeno\.|from "node:/, name);
  }
});

Deno.test("every face that deno.json exports loads, and mod.ts has all that they have", async () => {
  const all = Object.keys(await import("../mod.ts"));
  for (const path of Object.values(configuration.exports)) {
    const face = Object.keys(await import(`../${path.slice(2)}`));
    assert.ok(face.length > 0, path);
    for (const name of face) assert.ok(all.includes(name), `${path}: ${name}`);
  }
});

Deno.test("what is published needs no tests, studies or other models", () => {
  const { include } = configuration.publish;
  for (const folder of ["tests", "studies", "docs", "runs", "data"]) {
    assert.ok(!include.some((path) => path.startsWith(folder)), folder);
  }
  for (const path of include.filter((path) => !path.includes("*"))) {
    Deno.statSync(new URL(`../${path}`, import.meta.url));
  }
});
