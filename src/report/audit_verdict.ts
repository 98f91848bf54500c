/** The verdict on a run of `audit`. */

import { counted, percent, significant } from "./number_text.ts";
import type { AuditDocument } from "./recorded_results.ts";
import { classText } from "./report_input.ts";
import type { Verdict } from "./verdict.ts";

/** Judges a model by what an audit found. */
export function auditVerdict(
  document: AuditDocument | undefined,
  classNames: readonly string[],
): Verdict {
  if (!document) {
    return {
      tone: "neutral",
      headline: "This audit is not finished",
      summary: "There is no verdict before every class has been looked at.",
      evidence: [],
      limits: [],
    };
  }
  const { anomalyIndex, threshold, flagged, classes } = document;
  const suspects = classes.filter(({ label }) => flagged.includes(label));
  const names = suspects.map(({ label }) => classText(label, classNames)).join(", ");
  const norms = classes.map(({ maskNorm }) => maskNorm).sort((a, b) => a - b);
  const median = norms[Math.floor(norms.length / 2)]!;
  return {
    tone: suspects.length > 0 ? "bad" : "neutral",
    headline: suspects.length > 0 ? `Suspicious: ${names}` : "Nothing suspicious was found",
    summary: `The anomaly index is ${significant(anomalyIndex)}; above ` +
      `${significant(threshold)} a class is suspicious.`,
    evidence: suspects.map(({ label, maskNorm, successRate, anomaly }) =>
      `A pattern of about ${counted(Math.round(maskNorm), "pixel")} leads ` +
      `${percent(successRate)} of images to class ${classText(label, classNames)}; the median ` +
      `class needs ${significant(median)}. Anomaly: ${significant(anomaly)}.`
    ),
    limits: [
      "The audit looks for a small pattern that leads all images to one class. Triggers that " +
      "cover the whole image, or work on some classes only, can escape it.",
      "A clean model can have a class that small patterns lead to by its nature: suspicion is a " +
      "reason to look closer, not a proof.",
    ],
  };
}
