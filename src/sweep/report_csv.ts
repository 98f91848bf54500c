/** The groups of a sweep as CSV (RFC 4180), for spreadsheets and plots: plain shares, all digits. */

import type { Group } from "./groups.ts";
import { MEASURES } from "./measures.ts";
import { cellKinds } from "../settings/plan.ts";

/**
 * A row for each group: its settings, `n`, and for each measure the mean and, in the column
 * `MEASURE_ci95`, half the width of its confidence interval, which is empty for one seed.
 */
export function csvReport(groups: readonly Group[]): string {
  const settings = Object.keys(cellKinds()).filter((key) => key !== "seed");
  const head = [...settings, "n", ...MEASURES.flatMap((measure) => [measure, `${measure}_ci95`])];
  const rows = groups.map((group) => [
    ...settings.map((key) => group.settings[key]),
    group.seeds.length,
    ...MEASURES.flatMap((measure) => {
      const summary = group.summaries[measure];
      return [summary?.mean, summary?.halfWidth];
    }),
  ]);
  return [head, ...rows].map((row) => row.map(field).join(",") + "\r\n").join("");
}

function field(value: unknown): string {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
