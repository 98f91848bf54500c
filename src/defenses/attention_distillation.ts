/**
 * The objective of Neural Attention Distillation: Li et al. (ICLR 2021), equation 3, with the mean
 * over N, H and W that the authors' code takes (`at.py`) or the paper's L2 distance.
 */

import { ModelError } from "../errors.ts";
import { type Model, tensorLookup } from "../nn/model.ts";
import { attentionDistance, attentionMap } from "../tensor/operations/attention.ts";
import { crossEntropy } from "../tensor/operations/cross_entropy.ts";
import { softCrossEntropy } from "../tensor/operations/soft_cross_entropy.ts";
import type { Tape } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Objective } from "../train/trainer.ts";
import type { DistillationSettings } from "./defense.ts";

/** The paper's distillation, with the mean of the authors' code. */
export const PAPER_DISTILLATION: DistillationSettings = {
  betas: [500, 1000, 1000],
  kind: "attention",
  operator: { reduction: "sum", power: 2 },
  distance: "mean",
  labels: 1,
  logits: 0,
  temperature: 1,
};

/**
 * λ CE + Σ_l β_l L_l + κ KD: cross-entropy of the student, the distance of its attention from that of
 * `teacher`, which is frozen and in evaluation mode, and the divergence from its answers. The teacher
 * sees the batch without corruption. Columns: `ce`, `at1`, `at2`, ..., and `kd` where κ is above 0.
 *
 * @throws {ModelError} where a tap's map would be constant, or the number of betas is not that of
 * the taps.
 */
export function attentionDistillation(teacher: Model, settings: DistillationSettings): Objective {
  const { betas, kind, operator, distance, temperature } = settings;
  const compared = (tape: Tape, tap: Tensor) =>
    kind === "features" ? tap : attentionMap(tape, tap, operator);
  return {
    columns: ["ce", ...betas.map((_, i) => `at${i + 1}`), ...settings.logits > 0 ? ["kd"] : []],
    record(tape, batch, student) {
      const { forward } = teacher.architecture;
      const told = forward(tape, tensorLookup(teacher), batch.clean, "evaluation");
      const { taps } = told;
      if (taps.length !== student.taps.length || taps.length !== betas.length) {
        throw new ModelError(
          `cannot distil ${student.taps.length} taps of the student from ${taps.length} of the ` +
            `teacher with ${betas.length} betas: expected equal numbers`,
        );
      }
      return [
        { loss: crossEntropy(tape, student.logits, batch.labels), weight: settings.labels },
        ...betas.map((weight, i) => ({
          loss: attentionDistance(
            tape,
            compared(tape, student.taps[i]!),
            compared(tape, taps[i]!),
            distance,
          ),
          weight,
        })),
        ...settings.logits > 0
          ? [{
            loss: softCrossEntropy(tape, student.logits, told.logits, temperature),
            weight: settings.logits,
          }]
          : [],
      ];
    },
  };
}
