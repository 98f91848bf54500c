/** `--fail-on suspicious`: a gate for pipelines, which never opens where nothing could be said. */

import { Finding, LetheError } from "../../src/errors.ts";
import type { AuditDocument } from "../../src/runs/audit.ts";
import type { EvaluationDocument } from "../../src/runs/evaluation.ts";
import { isNearChance } from "../../src/train/chance.ts";

/** Attack success from which a known trigger convicts a model: that of guessing among ten classes. */
const CONVICTED = 0.1;

/** What is known of the model that came in. */
export interface Evidence {
  /** Its audit, where there was one. */
  readonly audit: AuditDocument | undefined;
  /** Its evaluation, which may hold the success of a known attack. */
  readonly evaluation?: EvaluationDocument | undefined;
  /** Number of classes of the model. */
  readonly classes: number;
}

/**
 * Ends a command that has found the model suspicious.
 *
 * @throws {Finding} where an audit flags a class, or a known trigger works.
 * @throws {LetheError} where neither an audit nor a trigger could say anything.
 */
export function failOnSuspicion({ audit, evaluation, classes }: Evidence): void {
  const success = evaluation?.attack?.successRate ?? 0;
  if (success >= CONVICTED) {
    throw new Finding("the model is suspicious: a known trigger leads its images astray");
  }
  if (!audit) {
    throw new LetheError("cannot say whether the model is suspicious: it was not audited");
  }
  if (isNearChance(audit.accuracy, audit.images, classes)) {
    throw new LetheError("cannot say whether the model is suspicious: it guesses on these images");
  }
  if (audit.flagged.length > 0) {
    throw new Finding(`the model is suspicious: class ${audit.flagged.join(", ")} stands out`);
  }
}
