/** Markup in which every string is escaped unless it was made here: what reports are written in. */

/** Markup that is safe to put into a page. */
export interface Html {
  /** In the syntax that HTML and XML share: quoted attributes, closed elements. */
  readonly markup: string;
}

/** What can be put into a {@linkcode html} template. */
export type Content = Html | string | number | undefined | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** `text` as it is written in an element or in a quoted attribute. */
function escape(text: string): string {
  // Control characters other than white space are no part of HTML, escaped or not; those of direction
  // would turn around what stands behind them.
  // deno-lint-ignore no-control-regex
  return text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]/g, "\ufffd")
    .replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

function markupOf(content: Content): string {
  if (content === undefined) return "";
  if (typeof content === "string") return escape(content);
  if (typeof content === "number") return String(content);
  if ("markup" in content) return content.markup;
  return content.map(markupOf).join("");
}

/** A template of markup; its values are escaped, lists are joined, `undefined` is left out. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  const parts = strings.map((text, i) => text + markupOf(values[i]));
  return { markup: parts.join("") };
}
