/** What an audit says of a model, as `audit --json` prints it and `run.json` keeps it. */

import type { RunRecord } from "./run_record.ts";
import { anything, list, matching, number, object, record, text, whole } from "./schema.ts";

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
  readonly margin: number;
  /** How far the class stands out from the others, in robust standard deviations. */
  readonly anomaly: number;
}

/** What an audit says of a model. */
export interface AuditDocument {
  /** File of the model. */
  readonly model: string;
  /** Name of the data set. */
  readonly dataset: string;
  /** Clean images used. */
  readonly images: number;
  /** Share of them that the model classifies right, 0..1. */
  readonly accuracy: number;
  /** The largest anomaly of a class. */
  readonly anomalyIndex: number;
  /** Labels of the suspicious classes, most anomalous first. */
  readonly flagged: readonly number[];
  /** Above it a class is suspicious. */
  readonly threshold: number;
  /** Those that were audited. */
  readonly classes: readonly AuditedClass[];
  /** Name of the GPU adapter. */
  readonly adapter: string;
  /** Wall time. */
  readonly seconds: number;
}

/** More classes than a label can name. */
const MOST_CLASSES = 2 ** 16;

/** Numbers of an audit come out of float32: beyond that they are damaged. */
const finite = number(-1e39, 1e39);

const label = whole(0, MOST_CLASSES - 1);

const auditSchema = object<AuditDocument>({
  model: text,
  dataset: text,
  images: whole(1),
  accuracy: number(0, 1),
  anomalyIndex: finite,
  flagged: list(label, MOST_CLASSES),
  threshold: finite,
  classes: list(
    object<AuditedClass>({
      label,
      name: text,
      maskNorm: number(0, 1e39),
      successRate: number(0, 1),
      margin: finite,
      anomaly: finite,
    }),
    MOST_CLASSES,
    1,
  ),
  adapter: text,
  seconds: number(0),
});

/** The audit that a document holds; undefined where it holds none, or one that cannot be. */
export function auditOf(value: unknown): AuditDocument | undefined {
  const found = matching(auditSchema, value);
  if (!found) return undefined;
  const labels = new Set(found.classes.map(({ label }) => label));
  const each = labels.size === found.classes.length;
  return each && found.flagged.every((label) => labels.has(label)) ? found : undefined;
}

/** Networks of a run that are audited. */
export type AuditedStage = "before" | "teacher" | "after";

/** The audits that a run of a defence has made so far. */
export function auditsOf(
  { results }: Pick<RunRecord, "results">,
): Partial<Record<AuditedStage, AuditDocument>> {
  const audits = matching(record(anything), results.audit) ?? {};
  const found = ["before", "teacher", "after"].flatMap((stage) => {
    const audit = auditOf(audits[stage]);
    return audit ? [[stage, audit]] : [];
  });
  return Object.fromEntries(found);
}
