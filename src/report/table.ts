/** Tables that scroll by themselves where they are wider than the screen. */

import { type Content, type Html, html } from "./html.ts";
import { count } from "./number_text.ts";

/** A table with a heading for each column and, in its first column, for each row. */
export interface Table {
  /** Says what the table shows. */
  readonly caption: string;
  /** Headings of the columns. */
  readonly head: readonly Content[];
  /** Cells of each row; the first is its heading. */
  readonly rows: readonly (readonly Content[])[];
  /** `numbers` aligns all but the headings to the right. Default: text. */
  readonly style?: "numbers" | "settings" | "pictures" | "text";
}

/** Rows beyond which a table is cut: a page with more cannot be read, nor be shown by a browser. */
export const MOST_ROWS = 1000;

/** The markup of a table; where it is cut its caption says so. */
export function table({ caption: title, head, rows, style }: Table): Html {
  const caption = rows.length > MOST_ROWS
    ? `${title}; the first ${count(MOST_ROWS)} of ${count(rows.length)} rows`
    : title;
  const columns = head.map((cell) => html`<th scope="col">${cell}</th>`);
  return scrollable(
    caption,
    html`
      <table class="${style ?? "text"}">
        <caption>${caption}</caption>
        <thead>
          <tr>${columns}</tr>
        </thead>
        <tbody>${rows.slice(0, MOST_ROWS).map(rowMarkup)}</tbody>
      </table>
    `,
  );
}

function rowMarkup([heading, ...cells]: readonly Content[]): Html {
  const columns = cells.map((cell) => html`<td>${cell}</td>`);
  return html`<tr><th scope="row">${heading}</th>${columns}</tr>`;
}

/** A region that scrolls sideways, by keyboard too; `label` names it for screen readers. */
export function scrollable(label: string, body: Html): Html {
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${label}">${body}</div>`;
}
