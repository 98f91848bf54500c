/** Horizontal bars as inline SVG, in groups. */

import { type Html, html } from "./html.ts";
import { legend } from "./legend.ts";
import { count } from "./number_text.ts";

/** Bars of up to four series, grouped by what they belong to. */
export interface BarChart {
  /** What the bars measure. */
  readonly title: string;
  /** Names of the series. */
  readonly series: readonly string[];
  /** Where the bars belong, from the top. */
  readonly groups: readonly BarGroup[];
  /** What stands behind a bar. */
  readonly format: (value: number) => string;
  /** Value of the longest possible bar. Default: the largest of the chart. */
  readonly most?: number;
  /** A line across all bars. */
  readonly threshold?: { readonly value: number; readonly label: string } | undefined;
}

/** The bars of one thing. */
export interface BarGroup {
  /** Name of the thing. */
  readonly label: string;
  /** One a series; `undefined` leaves a bar out, below 0 it has no length. */
  readonly values: readonly (number | undefined)[];
}

const WIDTH = 440;

/** Where bars begin and end; left of them are the labels, right of them the values. */
const PLOT = { left: 132, right: 376 };

const BAR_HEIGHT = 14;
const BAR_PITCH = 18;
const GROUP_GAP = 10;

/** Room above the bars, with and without a line that has a label there. */
const HEAD = { threshold: 24, plain: 4 };

/** Characters of a label that fit left of the bars. */
const LABEL_LENGTH = 18;

/** The markup of a chart; for those who do not see it, all its numbers. */
export function barChart(whole: BarChart): Html {
  const chart = cut(whole);
  const { title, series, groups, threshold } = chart;
  const values = groups.flatMap((group) => group.values.filter((value) => value !== undefined));
  const most = chart.most ?? Math.max(...values, threshold?.value ?? 0);
  const right = (value: number) => {
    const share = most > 0 ? Math.max(0, value) / most : 0;
    return Number((PLOT.left + (PLOT.right - PLOT.left) * share).toFixed(1));
  };
  const head = threshold ? HEAD.threshold : HEAD.plain;
  const pitch = series.length * BAR_PITCH + GROUP_GAP;
  const height = head + groups.length * pitch;
  return html`
    <figure>
      <p class="chart-title">${title}</p>
      ${series.length > 1 ? legend(series, "bar") : undefined}
      <svg
        class="chart"
        viewBox="0 0 ${WIDTH} ${height}"
        role="img"
        aria-label="${describe(chart)}"
      >
        ${threshold && thresholdMarkup(threshold.label, right(threshold.value), height)}
        ${groups.map((group, i) => groupMarkup(group, head + i * pitch, chart, right))}
        <path class="axis" d="M${PLOT.left} ${head - 4}V${height}" />
      </svg>
    </figure>
  `;
}

/** Groups beyond which a chart is cut. */
const MOST_GROUPS = 200;

/** The chart without the groups that are too many; its title says how many those are. */
function cut(chart: BarChart): BarChart {
  const { title, groups } = chart;
  if (groups.length <= MOST_GROUPS) return chart;
  return {
    ...chart,
    title: `${title}, the first ${MOST_GROUPS} of ${count(groups.length)}`,
    groups: groups.slice(0, MOST_GROUPS),
  };
}

function groupMarkup(
  { label, values }: BarGroup,
  top: number,
  { format, series }: BarChart,
  right: (value: number) => number,
): Html {
  const middle = top + (series.length * BAR_PITCH - (BAR_PITCH - BAR_HEIGHT)) / 2 + 4;
  const shown = label.length > LABEL_LENGTH ? `${label.slice(0, LABEL_LENGTH - 1)}…` : label;
  const bars = values.map((value, i) => {
    if (value === undefined) return undefined;
    const y = top + i * BAR_PITCH;
    const width = (right(value) - PLOT.left).toFixed(1);
    return html`
      <path class="bar series${i + 1}"
        d="M${PLOT.left} ${y}h${width}v${BAR_HEIGHT}h-${width}z" />
      <text x="${right(value) + 6}" y="${y + 11}">${format(value)}</text>
    `;
  });
  return html`
    <text class="label" x="${PLOT.left - 10}" y="${middle}" text-anchor="end">${shown}</text>
    ${bars}
  `;
}

function thresholdMarkup(label: string, x: number, height: number): Html {
  return html`
    <path class="threshold" d="M${x} 18V${height}" />
    <text x="${x}" y="12" text-anchor="middle">${label}</text>
  `;
}

function describe({ title, series, groups, format, threshold }: BarChart): string {
  const lines = groups.map(({ label, values }) => {
    const parts = values.flatMap((value, i) => {
      if (value === undefined) return [];
      return [series.length > 1 ? `${series[i]} ${format(value)}` : format(value)];
    });
    return `${label}: ${parts.join(", ")}`;
  });
  const line = threshold ? `; a line marks the ${threshold.label}` : "";
  return `${title}. ${lines.join("; ")}${line}`;
}
