/** Curves as inline SVG, drawn when the report is made. */

import { type Axis, linearAxis, logarithmicAxis } from "./axis.ts";
import { type Html, html } from "./html.ts";
import { legend } from "./legend.ts";
import { significant } from "./number_text.ts";

/** One curve. */
export interface Series {
  /** As the legend shows it. */
  readonly name: string;
  /** (x, y) by ascending x. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Up to four curves over one axis. */
export interface LineChart {
  /** What the vertical axis shows. */
  readonly title: string;
  /** What the horizontal axis counts. */
  readonly x: string;
  /** Each with at least one point. */
  readonly series: readonly Series[];
  /** Powers of ten upwards; all y are above 0 then. */
  readonly logarithmic?: boolean;
}

const WIDTH = 440;
const HEIGHT = 240;

/** Edges of the plot within the drawing. */
const PLOT = { left: 52, right: 428, top: 10, bottom: 198 };

/** Points are also drawn as dots where there are no more of them. */
const MOST_DOTS = 24;

/** Where values lie in the drawing, and which of them are labelled. */
interface Scales {
  readonly across: Axis;
  readonly upwards: Axis;
  left(x: number): number;
  top(y: number): number;
}

/** The markup of a chart; for those who do not see it, its first and last numbers. */
export function lineChart({ title, x, series, logarithmic }: LineChart): Html {
  const scales = scalesOf(series, logarithmic ?? false);
  return html`
    <figure>
      <p class="chart-title">${title}</p>
      ${series.length > 1 ? legend(series.map(({ name }) => name), "line") : undefined}
      <svg
        class="chart"
        viewBox="0 0 ${WIDTH} ${HEIGHT}"
        role="img"
        aria-label="${describe(title, x, series)}"
      >
        ${verticalTicks(scales)}${horizontalTicks(scales)}
        <path class="axis" d="M${PLOT.left} ${PLOT.bottom}H${PLOT.right}" />
        <text x="${(PLOT.left + PLOT.right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${x}</text>
        ${series.map((curve, i) => curveMarkup(curve, i + 1, scales))}
      </svg>
    </figure>
  `;
}

function scalesOf(series: readonly Series[], logarithmic: boolean): Scales {
  const points = series.flatMap((curve) => curve.points);
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const across = linearAxis(Math.min(...xs), Math.max(...xs), 5, 1);
  const upwards = logarithmic
    ? logarithmicAxis(Math.min(...ys), Math.max(...ys))
    : linearAxis(Math.min(0, ...ys), Math.max(0, ...ys), 4);
  return {
    across,
    upwards,
    left: (x) => between(PLOT.left, PLOT.right, across.position(x)),
    top: (y) => between(PLOT.bottom, PLOT.top, upwards.position(y)),
  };
}

/** To a tenth of a unit, which is finer than a screen. */
function between(from: number, to: number, position: number): number {
  return Number((from + (to - from) * position).toFixed(1));
}

function verticalTicks({ upwards, top }: Scales): Html[] {
  return upwards.ticks.map((value) =>
    html`
      <path class="rule" d="M${PLOT.left} ${top(value)}H${PLOT.right}" />
      <text x="${PLOT.left - 8}" y="${top(value) + 4}" text-anchor="end">${significant(
        value,
      )}</text>
    `
  );
}

function horizontalTicks({ across, left }: Scales): Html[] {
  const y = PLOT.bottom + 18;
  return across.ticks.map((value) =>
    html`<text x="${left(value)}" y="${y}" text-anchor="middle">${significant(value)}</text>`
  );
}

function curveMarkup({ points }: Series, number: number, { left, top }: Scales): Html {
  const places = points.map(([x, y]) => ({ x: left(x), y: top(y) }));
  const path = "M" + places.map(({ x, y }) => `${x} ${y}`).join("L");
  const dots = places.length > MOST_DOTS
    ? []
    : places.map(({ x, y }) =>
      html`<circle class="dot series${number}" cx="${x}" cy="${y}" r="3" />`
    );
  return html`<path class="line series${number}" d="${path}" />${dots}`;
}

function describe(title: string, x: string, series: readonly Series[]): string {
  const curves = series.map(({ name, points }) => {
    const [first, last] = [points[0]!, points.at(-1)!];
    return `${name} from ${significant(first[1])} at ${x} ${significant(first[0])} ` +
      `to ${significant(last[1])} at ${x} ${significant(last[0])}`;
  });
  return `${title}: ${curves.join("; ")}`;
}
