/** How a model did, as `evaluate --json` prints it and `run.json` keeps it. */

import type { AttackCounts, CleanCounts, Share } from "../train/confusion.ts";
import type { RunRecord } from "./run_record.ts";
import {
  either,
  matching,
  Mismatch,
  nullable,
  number,
  object,
  oneOf,
  optional,
  type Schema,
  text,
  whole,
} from "./schema.ts";

/** How a model did on test images and, where one is known, under an attack. */
export interface EvaluationDocument extends CleanCounts {
  /** File of the model. */
  readonly model: string;
  /** Name of the data set. */
  readonly dataset: string;
  /** Present where an attack was measured; `all` is the target of an attack on every class. */
  readonly attack?: AttackEvaluation;
  /** Name of the GPU adapter. */
  readonly adapter: string;
  /** Wall time. */
  readonly seconds: number;
}

/** What an attack comes to; the counts are of images outside its target class. */
export interface AttackEvaluation extends AttackCounts {
  /** Name of the attack. */
  readonly name: string;
  /** The class that the trigger leads to; `all` where it leads every class to the next. */
  readonly target: number | "all";
}

const share = nullable(number(0, 1));
const count = whole(0, 2 ** 32);

const attackSchema = object<AttackEvaluation>({
  name: text,
  target: either(whole(0, 2 ** 16), oneOf("all")),
  samples: count,
  success: count,
  successRate: share,
  correct: count,
  recoveredAccuracy: share,
  correctNonTarget: count,
  accuracyNonTarget: share,
});

const documentSchema = object<EvaluationDocument>({
  model: text,
  dataset: text,
  samples: count,
  correct: count,
  accuracy: share,
  attack: optional(attackSchema),
  adapter: text,
  seconds: number(0),
});

/** The schema of an evaluation. Of no images nothing was measured, whatever earlier versions wrote. */
export const evaluation: Schema<EvaluationDocument> = (value) => {
  const found = documentSchema(value);
  const { samples, correct, accuracy, attack } = found;
  within(samples, { correct });
  if (!attack) return { ...found, accuracy: shareOf(samples, accuracy) };
  const { success, correct: recovered, correctNonTarget } = attack;
  within(attack.samples, { success, correct: recovered, correctNonTarget });
  return {
    ...found,
    accuracy: shareOf(samples, accuracy),
    attack: {
      ...attack,
      successRate: shareOf(attack.samples, attack.successRate),
      recoveredAccuracy: shareOf(attack.samples, attack.recoveredAccuracy),
      accuracyNonTarget: shareOf(attack.samples, attack.accuracyNonTarget),
    },
  };
};

/** Refuses counts of more images than there are. */
function within(samples: number, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) {
    if (count > samples) throw new Mismatch(`at most ${samples}, the samples`, count, [name]);
  }
}

function shareOf(samples: number, recorded: Share): Share {
  return samples === 0 ? null : recorded;
}

/** The evaluation that a document holds; undefined where it holds none, or one that cannot be. */
export function evaluationOf(value: unknown): EvaluationDocument | undefined {
  return matching(evaluation, value);
}

/** The stages of a run that have been measured, in the order in which they came. */
export function evaluationsOf(
  { results }: Pick<RunRecord, "results">,
): [stage: string, evaluation: EvaluationDocument][] {
  return Object.entries(results).flatMap(([stage, value]) => {
    const found = evaluationOf(value);
    return found ? [[stage, found]] : [];
  });
}
