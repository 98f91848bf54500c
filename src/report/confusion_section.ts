/** Which classes networks take for which. */

import { confusionTable } from "./confusion_table.ts";
import { html } from "./html.ts";
import type { Measurement } from "./measurement.ts";
import { count } from "./number_text.ts";
import type { IllustratedSection } from "./report_input.ts";

/** Classes beyond which a matrix is too large to read. */
const MOST_CLASSES = 50;

/**
 * Confusion matrices of the named networks, on clean and triggered images.
 *
 * @param names Networks of the measurement.
 */
export function confusionSection(
  { networks, clean }: Measurement,
  names: readonly string[],
  classNames: readonly string[],
): IllustratedSection | undefined {
  const shown = networks.filter(({ name }) => names.includes(name));
  if (shown.length === 0) return undefined;
  const { classes } = shown[0]!;
  if (classes > MOST_CLASSES) {
    return {
      title: "Confusion",
      body: html`<p>Left out: matrices of ${classes} classes are too large to read.</p>`,
    };
  }
  const matrices = shown.flatMap(({ name, clean, triggered }) => [
    { title: `${name}, clean images`, confusion: clean.confusion },
    ...triggered ? [{ title: `${name}, triggered images`, confusion: triggered.confusion }] : [],
  ]);
  return {
    title: "Confusion",
    body: html`
      <p>
        A row for each class, a column for each prediction, on ${count(clean.labels.length)} test
        images. Blue cells are right, orange ones wrong; the fuller the colour, the larger the share
        of the row.
      </p>
      <div class="charts">
        ${matrices.map(({ title, confusion }) =>
          html`<div>${confusionTable(title, confusion, classNames)}</div>`
        )}
      </div>
    `,
  };
}
