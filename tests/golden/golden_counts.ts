/** Counts of an evaluation under the names of the golden files. */

import assert from "node:assert/strict";
import type { Evaluation } from "../../src/train/evaluate.ts";

/** As `golden/evaluate.json` holds them. */
export interface GoldenCounts {
  readonly correct: number;
  readonly correct_non_target: number;
  readonly attacked: number;
  readonly attack_success: number;
  readonly attacked_correct: number;
}

/** The counts of `evaluation`, which must include an attack. */
export function goldenCounts(evaluation: Evaluation): GoldenCounts {
  const { correct, attack } = evaluation;
  assert.ok(attack);
  return {
    correct,
    correct_non_target: attack.correctNonTarget,
    attacked: attack.samples,
    attack_success: attack.success,
    attacked_correct: attack.correct,
  };
}
