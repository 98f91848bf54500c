/** A strict reader of the markup that reports are written in, where HTML and XML agree. */

import assert from "node:assert/strict";

/** An element as its start tag has it. */
export interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** Text up to the next tag. */
  readonly text: string;
}

/** Text that is not markup for what is in it. */
const RAW = /<style>[^]*?<\/style>/;

const TAG = /<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z:-]+="[^"<]*")*)\s*(\/?)>([^<]*)/y;

/**
 * The elements of a page or a part of one, in order.
 *
 * Fails where a tag is not closed in order, an attribute not quoted or given twice, or a bare `<`, `>`
 * or `&` stands in text.
 */
export function readMarkup(markup: string): Element[] {
  const text = markup.replace(/^<!DOCTYPE html>/, "").replace(RAW, "<style></style>").trim();
  const open: string[] = [];
  const elements: Element[] = [];
  TAG.lastIndex = 0;
  while (TAG.lastIndex < text.length) {
    const at = TAG.lastIndex;
    const match = TAG.exec(text);
    assert.ok(match, `no tag at: ${text.slice(at, at + 200)}`);
    const [whole, closing, name, attributes, selfClosing, after] = match as unknown as string[];
    assert.match(after!, /^(?:[^&>]|&(?:amp|lt|gt|quot|#39);)*$/, `bare characters in: ${whole}`);
    if (closing) {
      assert.equal(open.pop(), name, `closed out of order at: ${text.slice(at, at + 200)}`);
      continue;
    }
    if (!selfClosing) open.push(name!);
    const pairs = [...attributes!.matchAll(/([a-zA-Z:-]+)="([^"]*)"/g)].map((
      [, key, value],
    ): [string, string] => [key!, unescaped(value!)]);
    assert.equal(new Set(pairs.map(([key]) => key)).size, pairs.length, `twice in: ${whole}`);
    elements.push({ name: name!, attributes: new Map(pairs), text: unescaped(after!) });
  }
  assert.deepEqual(open, [], "elements that are not closed");
  return elements;
}

function unescaped(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'").replaceAll("&amp;", "&");
}

/**
 * Asserts what holds for every page: well-formed, one h1, headings without gaps, every picture and
 * chart described, every table header with a scope, no script, nothing loaded from elsewhere.
 */
export function assertGoodPage(page: string): Element[] {
  const elements = readMarkup(page);
  const attribute = (name: string) =>
    elements.flatMap(({ attributes }) => attributes.get(name) ?? []);
  const [html] = elements;
  assert.equal(html?.attributes.get("lang"), "en");
  const levels = elements.flatMap(({ name }) => /^h[1-6]$/.test(name) ? [Number(name[1])] : []);
  assert.equal(levels.filter((level) => level === 1).length, 1, "one h1");
  for (const [i, level] of levels.entries()) {
    assert.ok(level <= (levels[i - 1] ?? 0) + 1, `h${level} after h${levels[i - 1]}`);
  }
  for (const { name, attributes } of elements) {
    const where = `${name} ${[...attributes].join(" ").slice(0, 200)}`;
    assert.notEqual(name, "script");
    if (name === "img") {
      assert.ok((attributes.get("alt") ?? "").length > 8, where);
      assert.match(attributes.get("src") ?? "", /^data:image\/png;base64,/);
      assert.ok(attributes.has("width") && attributes.has("height"), where);
    }
    if (name === "th") assert.ok(attributes.has("scope"), where);
    if (name === "svg" && attributes.get("aria-hidden") !== "true") {
      assert.equal(attributes.get("role"), "img");
      assert.ok((attributes.get("aria-label") ?? "").length > 8, where);
    }
    assert.ok(![...attributes.keys()].some((key) => key.startsWith("on")), where);
  }
  const ids = attribute("id");
  assert.equal(new Set(ids).size, ids.length, "ids that differ");
  for (const link of attribute("href")) {
    assert.ok(link === "data:," || ids.includes(link.slice(1)), `a link to ${link}`);
  }
  assert.doesNotMatch(page, /(?:src|href|url)\s*[=(]\s*["']?(?:https?:|\/\/|file:)/i);
  return elements;
}
