/**
 * The objective of Neural Attention Distillation: Li et al. (ICLR 2021), equation 3, with the mean
 * over N, H and W that the authors' code takes (`at.py`).
 */

import type { AttentionOperator } from "../../shaders/attention.ts";
import { ModelError } from "../errors.ts";
import { type Model, tensorLookup } from "../nn/model.ts";
import { attentionDistance, attentionMap } from "../tensor/operations/attention.ts";
import { crossEntropy } from "../tensor/operations/cross_entropy.ts";
import type { Objective } from "../train/trainer.ts";

/** Weights and kind of the attention loss. */
export interface DistillationSettings {
  /** β of each tap; the authors' (500, 1000, 1000). */
  readonly betas: readonly number[];
  /** How activations become maps. */
  readonly operator: AttentionOperator;
}

/**
 * CE + Σ_l β_l L_l: cross-entropy of the student and the distance of its attention from that of
 * `teacher`, which is frozen and in evaluation mode. Columns: `ce`, `at1`, `at2`, ...
 *
 * @throws {ModelError} where a tap's map would be constant, or the number of betas is not that of
 * the taps.
 */
export function attentionDistillation(teacher: Model, settings: DistillationSettings): Objective {
  const { betas, operator } = settings;
  return {
    columns: ["ce", ...betas.map((_, i) => `at${i + 1}`)],
    record(tape, batch, student) {
      const { forward } = teacher.architecture;
      const { taps } = forward(tape, tensorLookup(teacher), batch.x, "evaluation");
      if (taps.length !== student.taps.length || taps.length !== betas.length) {
        throw new ModelError(
          `cannot distil ${student.taps.length} taps of the student from ${taps.length} of the ` +
            `teacher with ${betas.length} betas: expected equal numbers`,
        );
      }
      return [
        { loss: crossEntropy(tape, student.logits, batch.labels), weight: 1 },
        ...betas.map((weight, i) => ({
          loss: attentionDistance(
            tape,
            attentionMap(tape, student.taps[i]!, operator),
            attentionMap(tape, taps[i]!, operator),
          ),
          weight,
        })),
      ];
    },
  };
}
