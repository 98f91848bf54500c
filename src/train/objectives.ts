/** Cross-entropy alone: training from scratch, and finetuning. */

import { crossEntropy } from "../tensor/operations/cross_entropy.ts";
import type { Objective } from "./trainer.ts";

/** The mean cross-entropy of the batch. */
export const CROSS_ENTROPY: Objective = {
  columns: ["ce"],
  record: (tape, batch, student) => [
    { loss: crossEntropy(tape, student.logits, batch.labels), weight: 1 },
  ],
};
