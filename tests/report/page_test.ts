import assert from "node:assert/strict";
import { html } from "../../src/report/html.ts";
import { page } from "../../src/report/page.ts";
import { table } from "../../src/report/table.ts";
import { assertGoodPage } from "./markup.ts";

Deno.test("page() is a good page with a link to each section", () => {
  const sections = [
    { title: "Results & more", body: html`<p>text</p>` },
    { title: "Settings", body: "plain <text>" },
  ];
  const text = page("A <title>", sections, html`<p>lead</p>`);
  const elements = assertGoodPage(text);
  assert.ok(text.startsWith("<!DOCTYPE html>"));
  assert.equal(elements.find(({ name }) => name === "title")?.text, "A <title>");
  assert.equal(elements.find(({ name }) => name === "h1")?.text, "A <title>");
  const links = elements.flatMap(({ name, attributes }) =>
    name === "a" ? [attributes.get("href")] : []
  );
  assert.deepEqual(links, ["#results-more", "#settings"]);
});

Deno.test("page() forbids the browser to load or run anything", () => {
  const elements = assertGoodPage(page("t", []));
  const policy = elements.find(({ attributes }) => attributes.has("http-equiv"))!;
  assert.equal(policy.attributes.get("http-equiv"), "Content-Security-Policy");
  assert.match(policy.attributes.get("content")!, /^default-src 'none'; img-src data:;/);
});

Deno.test("table() has a caption, scopes, and a region that scrolls by keyboard", () => {
  const body = table({ caption: "A & B", head: ["x", "y"], rows: [["row", 1], ["other", 2]] });
  const elements = assertGoodPage(page("t", [{ title: "s", body }]));
  const scopes = elements.flatMap(({ attributes }) => attributes.get("scope") ?? []);
  assert.deepEqual(scopes, ["col", "col", "row", "row"]);
  const region = elements.find(({ attributes }) => attributes.get("role") === "region")!;
  assert.equal(region.attributes.get("aria-label"), "A & B");
  assert.equal(region.attributes.get("tabindex"), "0");
});
