/**
 * Finetuning all layers on the clean images: the simplest defence, and the control of every other.
 * It is attention distillation with all betas zero, bit for bit.
 */

import { CROSS_ENTROPY } from "../train/objectives.ts";
import type { Defense } from "./defense.ts";

/** Finetuning: `training` sets how. */
export const finetune: Defense = {
  name: "finetune",
  description: "trains on the clean images; NAD with all betas 0",
  trains: true,
  finetuning: () => ({ phase: "student", training: "training" }),
  async run({ student, settings, load, train }) {
    const model = load(student);
    await train("student", model, CROSS_ENTROPY, settings.training);
    return model;
  },
};
