/** Audits as people and as programs read them. */

import { ANOMALY_THRESHOLD, type AuditResult } from "../audit/audit.ts";
import type { AuditDocument } from "../runs/audit.ts";
import { shown } from "../text/quoted.ts";
import { duration, percent } from "./results.ts";

/** The document of an audit. */
export function auditDocument(
  result: AuditResult,
  of: { model: string; dataset: string; classNames: readonly string[]; adapter: string },
): AuditDocument {
  return {
    model: of.model,
    dataset: of.dataset,
    images: result.images,
    accuracy: result.accuracy,
    anomalyIndex: result.anomalyIndex,
    flagged: result.flagged,
    threshold: ANOMALY_THRESHOLD,
    classes: result.classes.map(({ label, maskNorm, successRate, margin, anomaly }) => ({
      label,
      name: of.classNames[label]!,
      maskNorm,
      successRate,
      margin,
      anomaly,
    })),
    adapter: of.adapter,
    seconds: result.seconds,
  };
}

/** A table with a row for each class. */
export function auditTable({ classes, flagged }: AuditDocument): string {
  const head = ["class", "mask, pixels", "success", "margin", "anomaly", ""];
  const rows = classes.map(({ label, name, maskNorm, successRate, margin, anomaly }) => [
    `${label} ${shown(name)}`,
    maskNorm.toFixed(1),
    percent(successRate),
    margin.toFixed(1),
    anomaly.toFixed(2),
    flagged.includes(label) ? "suspicious" : "",
  ]);
  const table = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  return table
    .map((row) =>
      row.map((cell, i) => i % 5 === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))
        .join("  ").trimEnd()
    )
    .join("\n");
}

/** A progress line, for example `auditing 43 % class 5 dog 1:20 left`. */
export function auditProgressText(share: number, what: string, seconds: number): string {
  return `auditing ${Math.floor(100 * share)} % ${what} ${
    duration(seconds * (1 - share) / share)
  } left`;
}
