/** A sweep's report as one self-contained page. */

import { type Content, html } from "../report/html.ts";
import { page } from "../report/page.ts";
import { table } from "../report/table.ts";
import type { ReportPart } from "./report_tables.ts";

/** The text of `table.html`. */
export function htmlReport(
  { title, description }: { readonly title: string; readonly description: string },
  parts: readonly ReportPart[],
): string {
  const sections = parts.map(({ title, paragraphs, table: content, list }) => ({
    title,
    body: [
      ...paragraphs.map((text) => html`<p>${text}</p>`),
      ...content ? [table({ ...content, head: content.head.map(narrow), style: "numbers" })] : [],
      ...list && list.length > 0
        ? [html`<ul>${list.map((item) => html`<li>${item}</li>`)}</ul>`]
        : [],
    ],
  }));
  return page(title, sections, description === "" ? undefined : html`<p>${description}</p>`);
}

/** A heading with a line for each word: there are many columns. */
function narrow(heading: string): Content {
  return heading.split(" ").map((word, i) => i === 0 ? word : html`<br />${word}`);
}
