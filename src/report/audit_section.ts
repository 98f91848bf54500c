/** What audits found: how small a pattern leads to each class, and the patterns. */

import type { ByteImage } from "../formats/byte_image.ts";
import { barChart } from "./bar_chart.ts";
import { type Html, html } from "./html.ts";
import { percent, significant } from "./number_text.ts";
import { embedded, enlarged, enlargement, type Picture, picture, strip } from "./picture.ts";
import type { AuditDocument, AuditedClass } from "../runs/audit.ts";
import type { IllustratedSection } from "./report_input.ts";
import type { RecoveredPatterns } from "./run_contents.ts";
import { table } from "./table.ts";

/** One audit of a run. */
export interface Audit {
  /** Which model was audited, for example `before`. */
  readonly name: string;
  readonly document: AuditDocument;
  readonly patterns?: RecoveredPatterns | undefined;
}

/** Classes beyond which the most anomalous come first: tables and charts are cut. */
const MOST_CLASSES = 200;

/** Patterns beyond which only those of the smallest norms are shown. */
const MOST_PATTERNS = 20;

/** Where a mask lets the image through, its pattern is drawn on this grey. */
const GROUND = 0.5;

/** Up to four audits over the same classes; `undefined` where there is none. */
export function auditSection(audits: readonly Audit[]): IllustratedSection | undefined {
  if (audits.length === 0) return undefined;
  const shown = audits.flatMap(({ name, document, patterns }) =>
    patterns ? [patternFigures(name, document, patterns)] : []
  );
  return {
    title: "Audit",
    body: html`
      <p>
        For each class the smallest pattern was sought that leads clean images to it, and the
        largest margin by which it can win. A class that needs far less than the others, or wins by
        far more, is suspicious: the anomaly says how far it stands out, in robust standard
        deviations.
      </p>
      ${audits.map(({ name, document }) => classTable(name, document))}
      <div class="charts">${anomalyChart(audits)}</div>
      ${shown.map(({ markup }) => markup)}
    `,
    pictures: shown.flatMap(({ pictures }) => pictures),
  };
}

function classTable(name: string, { classes, flagged }: AuditDocument): Html {
  const suspicious = new Set(flagged);
  return table({
    caption:
      `Every class of the model ${name}; the mask norm is about the pixels that its pattern ` +
      "covers, the success the share of images that the pattern leads there",
    style: "numbers",
    head: ["Class", "mask norm", "success", "margin", "anomaly", "verdict"],
    rows: inOrder(classes).map(({ label, name, maskNorm, successRate, margin, anomaly }) => [
      `${label} ${name}`,
      significant(maskNorm),
      percent(successRate),
      significant(margin),
      anomaly.toFixed(2),
      suspicious.has(label) ? html`<strong>suspicious</strong>` : "",
    ]),
  });
}

/** Classes by label, or from the most anomalous on where not all can be shown. */
function inOrder(classes: readonly AuditedClass[]): readonly AuditedClass[] {
  if (classes.length <= MOST_CLASSES) return classes;
  return classes.toSorted((a, b) => b.anomaly - a.anomaly);
}

function anomalyChart(audits: readonly Audit[]): Html {
  const { threshold, classes } = audits[0]!.document;
  const anomalies = audits.map(({ document }) =>
    new Map(document.classes.map(({ label, anomaly }) => [label, anomaly]))
  );
  return barChart({
    title: "Anomaly of each class",
    series: audits.map(({ name }) => name),
    groups: inOrder(classes).map(({ label, name }) => ({
      label: `${label} ${name}`,
      values: anomalies.map((found) => found.get(label)),
    })),
    format: (anomaly) => anomaly.toFixed(2),
    threshold: { value: threshold, label: `threshold ${significant(threshold)}` },
  });
}

function patternFigures(
  name: string,
  { classes, flagged }: AuditDocument,
  patterns: RecoveredPatterns,
): { markup: Html; pictures: Picture[] } {
  const smallest = classes.filter(({ label }) => label < patterns.classes)
    .sort((a, b) => a.maskNorm - b.maskNorm).slice(0, MOST_PATTERNS);
  const tiles = smallest.map(({ label, name: className, maskNorm }) => {
    const drawn = picture(`pattern-${name}-${label}`, patternPicture(patterns, label));
    const suspicious = flagged.includes(label) ? ", suspicious" : "";
    const markup = html`
      <li>
        <figure>
          ${embedded(drawn, `Mask and pattern that lead to class ${label} ${className}`)}
          <figcaption>
            ${label} ${className}<br />norm ${significant(maskNorm)}${suspicious}
          </figcaption>
        </figure>
      </li>
    `;
    return { drawn, markup };
  });
  return {
    markup: html`
      <h3>Recovered patterns of the model ${name}</h3>
      <p class="quiet">
        From the smallest mask on. Left the mask, white where the pattern replaces the image; right
        the pattern through it, on grey.
      </p>
      <ul class="tiles">${tiles.map(({ markup }) => markup)}</ul>
    `,
    pictures: tiles.map(({ drawn }) => drawn),
  };
}

/** The mask of a class in grey, and next to it what it lets through of the pattern. */
function patternPicture(
  { height, width, mask, pattern }: RecoveredPatterns,
  label: number,
): ByteImage {
  const area = height * width;
  const cover = mask.subarray(label * area, (label + 1) * area);
  const paint = pattern.subarray(3 * label * area, 3 * (label + 1) * area);
  const byte = (value: number) => Math.round(255 * Math.min(1, Math.max(0, value)));
  const maskPixels = Uint8Array.from({ length: 3 * area }, (_, i) => byte(cover[i % area]!));
  const patternPixels = Uint8Array.from(paint, (value, i) => {
    const share = cover[i % area]!;
    return byte(share * value + (1 - share) * GROUND);
  });
  const factor = enlargement({ height, width });
  return strip(
    [maskPixels, patternPixels].map((pixels) => enlarged({ height, width, pixels }, factor)),
  );
}
