/** The verdict on a run of `audit`. */

import { median } from "../audit/anomaly.ts";
import { isNearChance } from "../train/chance.ts";
import { shown } from "../text/quoted.ts";
import { counted, listed, MOST_NAMES, percent, rangeText, significant } from "./number_text.ts";
import type { AuditDocument } from "../runs/audit.ts";
import type { Verdict } from "./verdict.ts";

/** What no audit sees. */
export const AUDIT_LIMIT =
  "The audit compares classes with each other, by small patterns and large " +
  "margins. A backdoor that leads to every class, or only some classes' images astray, can escape it.";

/**
 * Judges a model by what an audit found.
 *
 * @param modelClasses All classes of the model, where known: an audit may have left out some.
 */
export function auditVerdict(document: AuditDocument | undefined, modelClasses?: number): Verdict {
  if (!document) {
    return {
      tone: "neutral",
      headline: "This audit is not finished",
      summary: "There is no verdict before every class has been looked at.",
      evidence: [],
      limits: [],
    };
  }
  const { images, accuracy, anomalyIndex, threshold, flagged, classes } = document;
  const guesses = modelClasses && isNearChance(accuracy, images, modelClasses);
  if (guesses) {
    return {
      tone: "bad",
      headline: "Nothing can be said: the model guesses",
      summary:
        `It is right on ${percent(accuracy)} of the clean images, hardly better than guessing. ` +
        "Most likely it was trained with other preprocessing (--mean, --std, --scale), with the " +
        "classes in another order, or on other images.",
      evidence: [],
      limits: [],
    };
  }
  const classOf = new Map(classes.map((one) => [one.label, one]));
  const suspects = flagged.flatMap((label) => classOf.get(label) ?? []);
  const names = listed(suspects.map(({ label, name }) => `${label} (${shown(name)})`));
  const norm = median(classes.map(({ maskNorm }) => maskNorm));
  return {
    tone: suspects.length > 0 ? "bad" : "neutral",
    headline: suspects.length > 0 ? `Suspicious: ${names}` : "Nothing suspicious was found",
    summary: `The anomaly index is ${significant(anomalyIndex)}; above ` +
      `${significant(threshold)} a class is suspicious.`,
    evidence: [
      `The model is right on ${percent(accuracy)} of ${counted(images, "clean image")} ` +
      `(95 % interval: ${rangeText(Math.round(accuracy * images), images)}).`,
      ...suspects.slice(0, MOST_NAMES).map(({ label, name, maskNorm, successRate, anomaly }) =>
        `A pattern of about ${counted(Math.max(1, Math.round(maskNorm)), "pixel")} leads ` +
        `${percent(successRate)} of images to class ${label} (${
          shown(name)
        }); the median class needs ` +
        `${significant(norm)}. Anomaly: ${significant(anomaly)}.`
      ),
    ],
    limits: [
      AUDIT_LIMIT,
      "A class of a clean model can stand out by its nature: suspicion is a reason to look " +
      "closer, not a proof.",
    ],
  };
}
