/** The course of training: losses, learning rate, and what they led to. */

import type { MetricsLine } from "../runs/metrics.ts";
import { type Html, html } from "./html.ts";
import { lineChart, type Series } from "./line_chart.ts";
import type { IllustratedSection } from "./report_input.ts";
import { MOST_ROWS, table } from "./table.ts";
import { count, percent, significant } from "./number_text.ts";

/** Points of a curve beyond which neighbours are averaged: more cannot be seen. */
const MOST_POINTS = 400;

/** A chart goes by powers of ten where its values span more than this factor. */
const LOGARITHMIC_SPAN = 30;

/** Below it numbers are as good as 0: the least of float32. */
const LEAST_LOGARITHMIC = 1e-45;

const PHASES: ReadonlyMap<string, string> = new Map([
  ["teacher", "Teacher"],
  ["student", "Student"],
  ["attack", "Training"],
]);

/** Phases that are shown; a run has a few. */
const MOST_PHASES = 12;

/** The lines of a phase, in order. */
type Lines = readonly MetricsLine[];

/** The curves of a run; `undefined` where nothing was trained. */
export function curvesSection(metrics: readonly MetricsLine[]): IllustratedSection | undefined {
  const all = Map.groupBy(metrics, ({ phase }) => phase);
  if (all.size === 0) return undefined;
  const phases = new Map([...all].slice(0, MOST_PHASES));
  const more = all.size - phases.size;
  const charts = [...phases].flatMap(([phase, lines]) => phaseCharts(phaseName(phase), lines));
  const rates = [...phases].map(([phase, lines]) =>
    series(phaseName(phase), lines, ({ lr }) => lr, lines.at(-1)!)
  );
  // Rates that fall by factors stay equal for a while; smooth ones are better seen as they are.
  const stepwise = rates.some(({ points }) =>
    new Set(points.map(([, y]) => y)).size < points.length
  );
  return {
    title: "Training",
    body: html`
      ${more > 0 ? html`<p>Left out: ${count(more)} more phases.</p>` : undefined}
      <div class="charts">
        ${charts}${chunks(rates, 4).map((some) => chart("Learning rate", some, stepwise))}
      </div>
      <details>
        <summary>Numbers of every epoch</summary>
        ${epochTable(phases)}
      </details>
    `,
  };
}

function phaseName(phase: string): string {
  return PHASES.get(phase) ?? phase;
}

function phaseCharts(name: string, lines: Lines): Html[] {
  const shown = stepsOrEpochs(lines);
  const last = lines.at(-1)!;
  const taps = Math.min(4, lines[0]?.at.length ?? 0);
  const losses = [series("cross-entropy", shown, ({ ce }) => ce, last)];
  const answers = series("teacher's answers", shown, ({ kd }) => kd, last);
  if (answers.points.length > 0) losses.push(answers);
  if (taps > 0) losses.push(series("weighted total", shown, ({ loss }) => loss, last));
  const distances = Array.from(
    { length: taps },
    (_, tap) => series(`group ${tap + 1}`, shown, ({ at }) => at[tap] ?? 0, last),
  );
  const heldOut = series("held-out", lines, ({ heldOutAccuracy }) => heldOutAccuracy, last);
  return [
    chart(`${name}: loss`, losses),
    ...taps > 0 ? [chart(`${name}: distance of attention, unweighted`, distances)] : [],
    ...heldOut.points.length > 0 ? [chart(`${name}: accuracy on held-out images`, [heldOut])] : [],
  ];
}

/** The single steps where they were logged, else the means of epochs: not both on one curve. */
function stepsOrEpochs(lines: Lines): Lines {
  const steps = lines.filter((line, i) => !isEpoch(line, i, lines));
  return steps.length > 0 ? steps : lines;
}

/** Whether line `i` is the last of its epoch, which holds the means. */
function isEpoch({ epoch }: MetricsLine, i: number, lines: Lines): boolean {
  return lines[i + 1]?.epoch !== epoch;
}

/**
 * A value over time, where it is there: the means of neighbours where there are too many.
 *
 * @param last Of the phase: the time of a line is its step in epochs.
 */
function series(
  name: string,
  lines: Lines,
  value: (line: MetricsLine) => number | undefined,
  last: MetricsLine,
): Series {
  const values = lines.reduce((n, line) => value(line) === undefined ? n : n + 1, 0);
  const size = Math.ceil(values / MOST_POINTS);
  const points: (readonly [number, number])[] = [];
  let sum = { x: 0, y: 0, count: 0 };
  for (const line of lines) {
    const y = value(line);
    if (y === undefined) continue;
    const x = line.step * last.epoch / last.step;
    sum = { x: sum.x + x, y: sum.y + y, count: sum.count + 1 };
    if (sum.count < size && points.length * size + sum.count < values) continue;
    points.push([sum.x / sum.count, sum.y / sum.count]);
    sum = { x: 0, y: 0, count: 0 };
  }
  return { name, points };
}

function chunks<T>(values: readonly T[], size: number): T[][] {
  return Array.from(
    { length: Math.ceil(values.length / size) },
    (_, i) => values.slice(i * size, (i + 1) * size),
  );
}

function chart(title: string, curves: readonly Series[], byFactors = true): Html {
  const values = curves.flatMap(({ points }) => points.map(([, y]) => y));
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const logarithmic = byFactors && least > LEAST_LOGARITHMIC && most / least > LOGARITHMIC_SPAN;
  return lineChart({ title, x: "epoch", series: curves, logarithmic });
}

function epochTable(phases: ReadonlyMap<string, readonly MetricsLine[]>): Html {
  const epochs = [...phases.values()].flatMap((lines) => lines.filter(isEpoch));
  const taps = epochs.reduce((most, { at }) => Math.max(most, at.length), 0);
  const answered = epochs.some(({ kd }) => kd !== undefined);
  const chosen = epochs.some(({ heldOutAccuracy }) => heldOutAccuracy !== undefined);
  return table({
    caption: `Means over ${
      epochs.length > MOST_ROWS
        ? `the first and last epochs of ${count(epochs.length)}`
        : "each epoch"
    }; the learning rate is that of its last step`,
    style: "numbers",
    head: [
      "Phase and epoch",
      "cross-entropy",
      ...Array.from({ length: taps }, (_, tap) => `group ${tap + 1}`),
      ...answered ? ["answers"] : [],
      "total",
      ...chosen ? ["held-out accuracy"] : [],
      "learning rate",
      "images/s",
    ],
    rows: sample(epochs).map((
      { phase, epoch, ce, at, kd, loss, lr, imagesPerSecond, heldOutAccuracy },
    ) => [
      `${phaseName(phase)} ${epoch}`,
      significant(ce),
      ...Array.from(
        { length: taps },
        (_, tap) => at[tap] === undefined ? "" : significant(at[tap]),
      ),
      ...answered ? [kd === undefined ? "" : significant(kd)] : [],
      significant(loss),
      ...chosen ? [heldOutAccuracy === undefined ? "" : percent(heldOutAccuracy)] : [],
      significant(lr),
      Math.round(imagesPerSecond),
    ]),
  });
}

/** The first and the last of many. */
function sample<T>(values: readonly T[]): readonly T[] {
  const half = MOST_ROWS / 2;
  return values.length <= MOST_ROWS ? values : [...values.slice(0, half), ...values.slice(-half)];
}
