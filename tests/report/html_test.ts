import assert from "node:assert/strict";
import { html } from "../../src/report/html.ts";
import { readMarkup } from "./markup.ts";

Deno.test("html escapes strings in elements and attributes", () => {
  const hostile = `<script>alert("1")</script>&'"`;
  const { markup } = html`<p title="${hostile}">${hostile}</p>`;
  const [paragraph, ...others] = readMarkup(markup);
  assert.deepEqual(others, []);
  assert.equal(paragraph?.text, hostile);
  assert.equal(paragraph?.attributes.get("title"), hostile);
});

Deno.test("html takes markup as it is, joins lists and leaves undefined out", () => {
  const inner = ["a", 2, undefined].map((value) => html`<i>${value}</i>`);
  assert.equal(html`<b>${inner}${undefined}</b>`.markup, "<b><i>a</i><i>2</i><i></i></b>");
});

Deno.test("html replaces control characters, which no page may hold", () => {
  assert.equal(html`${"a\0b\x1bc\nd"}`.markup, "a\ufffdb\ufffdc\nd");
});
