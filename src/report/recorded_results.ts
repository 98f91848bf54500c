/** The results in a `run.json`, where they are what commands write there. */

import type { AttackCounts, CleanCounts } from "../train/confusion.ts";
import { fieldsOf, isFinite, isObject, isText } from "./json_value.ts";

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
  const { samples, correct, accuracy, attack } = fieldsOf(value);
  if (!isFinite(samples) || !isFinite(correct) || !isFinite(accuracy)) return undefined;
  const result = { samples, correct, accuracy };
  return isAttackResult(attack) ? { ...result, attack } : result;
}

function isAttackResult(value: unknown): value is NonNullable<StageResult["attack"]> {
  if (!isObject(value)) return false;
  const { name, target, samples, success, correct, correctNonTarget } = value;
  const { successRate, recoveredAccuracy, accuracyNonTarget } = value;
  return isText(name) && (isFinite(target) || target === "all") &&
    [samples, success, correct, correctNonTarget].every(isFinite) &&
    [successRate, recoveredAccuracy, accuracyNonTarget].every(isFinite);
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
