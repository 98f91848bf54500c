/** Confusion matrices as tables with coloured cells. */

import type { Confusion } from "../train/confusion.ts";
import { type Html, html } from "./html.ts";
import { count, percent } from "./number_text.ts";
import { scrollable } from "./table.ts";

/**
 * A row for each label, a column for each prediction. A cell is the more coloured, the larger its
 * share of the row; blue where prediction and label agree, orange where they do not.
 */
export function confusionTable(
  caption: string,
  { classes, counts }: Confusion,
  classNames: readonly string[],
): Html {
  const labels = Array.from({ length: classes }, (_, label) => label);
  const head = labels.map((label) =>
    html`<th scope="col"><abbr title="${classNames[label]}">${label}</abbr></th>`
  );
  const rows = labels.map((label) => {
    const row = counts.subarray(label * classes, (label + 1) * classes);
    const total = row.reduce((sum, value) => sum + value, 0);
    const cells = Array.from(row, (value, predicted) => cell(value, total, label === predicted));
    return html`<tr><th scope="row">${label} ${classNames[label]}</th>${cells}</tr>`;
  });
  return scrollable(
    caption,
    html`
      <table class="confusion">
        <caption>${caption}</caption>
        <thead>
          <tr><th scope="col">label</th>${head}</tr>
        </thead>
        <tbody>${rows}</tbody>
      </table>
    `,
  );
}

function cell(value: number, total: number, right: boolean): Html {
  if (value === 0) return html`<td></td>`;
  const share = value / total;
  const kind = right ? "right" : "wrong";
  // The root lets rare mistakes be seen.
  const fullness = Math.sqrt(share).toFixed(3);
  const style = `--share: ${fullness}`;
  const title = `${percent(share)} of the row`;
  return html`<td class="${kind}" style="${style}" title="${title}">${count(value)}</td>`;
}
