/** The results in a `run.json`, where they are what commands write there. */

import type { AttackCounts, CleanCounts, Share } from "../train/confusion.ts";
import { fieldsOf, isFinite, isText } from "./json_value.ts";

/** How one model did. */
export interface StageResult extends CleanCounts {
  /** Present where an attack was measured; `all` is the target of an attack on every class. */
  readonly attack?: AttackCounts & { readonly name: string; readonly target: number | "all" };
}

/** What an audit says of one class. */
export interface AuditedClass {
  /** From 0. */
  readonly label: number;
  /** As the data set calls it. */
  readonly name: string;
  /** L1 norm of the mask: about how many pixels a pattern needs to lead to this class. */
  readonly maskNorm: number;
  /** Share of the images that the pattern leads there, 0..1. */
  readonly successRate: number;
  /** Largest margin of the class's logit over the others, on any image. */
  readonly margin?: number;
  /** How far the class stands out from the others, in robust standard deviations. */
  readonly anomaly: number;
}

/** What an audit says of a model. */
export interface AuditDocument {
  /** Clean images used. */
  readonly images?: number;
  /** Share of them that the model classifies right, 0..1. */
  readonly accuracy?: number;
  /** The largest anomaly of a class. */
  readonly anomalyIndex: number;
  /** Above it a class is suspicious. */
  readonly threshold: number;
  /** Labels of the suspicious classes, most suspicious first. */
  readonly flagged: readonly number[];
  /** Those that were audited. */
  readonly classes: readonly AuditedClass[];
}

/** The result of one model, or `undefined` of anything else. */
export function stageResult(value: unknown): StageResult | undefined {
  const { samples, correct, accuracy: recorded, attack: recordedAttack } = fieldsOf(value);
  if (!isFinite(samples) || !isFinite(correct)) return undefined;
  const accuracy = shareOf(samples, recorded);
  if (accuracy === undefined) return undefined;
  const attack = attackResult(recordedAttack);
  return { samples, correct, accuracy, ...attack ? { attack } : {} };
}

function attackResult(value: unknown): StageResult["attack"] {
  const { name, target, samples, success, correct, correctNonTarget, ...rest } = fieldsOf(value);
  if (!isText(name) || !(isFinite(target) || target === "all")) return undefined;
  if (!isFinite(samples) || !isFinite(success)) return undefined;
  if (!isFinite(correct) || !isFinite(correctNonTarget)) return undefined;
  const successRate = shareOf(samples, rest.successRate);
  const recoveredAccuracy = shareOf(samples, rest.recoveredAccuracy);
  const accuracyNonTarget = shareOf(samples, rest.accuracyNonTarget);
  if (successRate === undefined || recoveredAccuracy === undefined) return undefined;
  if (accuracyNonTarget === undefined) return undefined;
  const counts = { samples, success, correct, correctNonTarget };
  return { name, target, ...counts, successRate, recoveredAccuracy, accuracyNonTarget };
}

/** What was recorded of so many images: of none nothing was measured, whatever it says. */
function shareOf(samples: number, recorded: unknown): Share | undefined {
  if (samples === 0) return null;
  return isFinite(recorded) ? recorded : undefined;
}

/** The document of an audit, or `undefined` of anything else. */
export function auditDocument(value: unknown): AuditDocument | undefined {
  const { images, accuracy, anomalyIndex, threshold, flagged, classes } = fieldsOf(value);
  if (!isFinite(anomalyIndex) || !isFinite(threshold) || !Array.isArray(classes)) return undefined;
  if (classes.length === 0 || !classes.every(isAuditedClass)) return undefined;
  const labels = Array.isArray(flagged)
    ? flagged.filter(isFinite)
    : classes.filter(({ anomaly }) => anomaly > threshold).map(({ label }) => label);
  const measured = isFinite(images) && isFinite(accuracy) ? { images, accuracy } : {};
  return { ...measured, anomalyIndex, threshold, flagged: labels, classes };
}

function isAuditedClass(value: unknown): value is AuditedClass {
  const { label, name, maskNorm, successRate, margin, anomaly } = fieldsOf(value);
  return isText(name) && [label, maskNorm, successRate, anomaly].every(isFinite) &&
    Number.isInteger(label) && Number(label) >= 0 &&
    (margin === undefined || isFinite(margin));
}
