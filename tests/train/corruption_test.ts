/** Training on disturbed images: the teacher sees them undisturbed. */

import assert from "node:assert/strict";
import {
  attentionDistillation,
  PAPER_DISTILLATION,
} from "../../src/defenses/attention_distillation.ts";
import { readModel } from "../../src/nn/model.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { CROSS_ENTROPY } from "../../src/train/objectives.ts";
import { createTrainer, type Objective, type TrainingSettings } from "../../src/train/trainer.ts";
import { gpu } from "../gpu/device.ts";
import { SMALL_SETTINGS, smallImages, smallModel } from "./small.ts";

const STRONG = {
  mix: { probability: 1, strength: 0.9 },
  wave: { probability: 1, amplitude: 0.5 },
  patch: { probability: 1, size: 6 },
};

async function firstEpoch(objective: Objective, settings: Partial<TrainingSettings>) {
  const store = uploadImages(gpu, smallImages(64, 3));
  const model = smallModel(gpu, 1);
  const trainer = createTrainer(gpu, model, { store }, objective, {
    ...SMALL_SETTINGS,
    ...settings,
  });
  const { losses, columns } = await trainer.runEpoch(0);
  const state = await readModel(gpu, model);
  trainer[Symbol.dispose]();
  store[Symbol.dispose]();
  model[Symbol.dispose]();
  return { losses, columns, state };
}

Deno.test("corruption of probability 0 trains the same network, any other another one", async () => {
  const never = {
    mix: { probability: 0, strength: 0.5 },
    wave: { probability: 0, amplitude: 0.5 },
    patch: { probability: 0, size: 4 },
  };
  const plain = await firstEpoch(CROSS_ENTROPY, {});
  const undisturbed = await firstEpoch(CROSS_ENTROPY, { corruption: never });
  assert.deepEqual(undisturbed.state, plain.state);
  const disturbed = await firstEpoch(CROSS_ENTROPY, { corruption: STRONG });
  assert.notDeepEqual(disturbed.losses, plain.losses);
});

Deno.test("the teacher sees the images without their corruption", async () => {
  const teacher = smallModel(gpu, 2);
  const settings = { ...PAPER_DISTILLATION, logits: 1, temperature: 2 };
  const objective = attentionDistillation(teacher, settings);
  assert.deepEqual(objective.columns, ["ce", "at1", "at2", "at3", "kd"]);
  // A second copy of each loss, with a teacher that is shown what the student sees.
  const both = (shown: "x" | "clean"): Objective => ({
    columns: objective.columns,
    record: (tape, batch, student) =>
      objective.record(tape, { ...batch, clean: batch[shown] }, student),
  });
  const clean = await firstEpoch(both("clean"), { corruption: STRONG });
  const disturbed = await firstEpoch(both("x"), { corruption: STRONG });
  const asRecorded = await firstEpoch(objective, { corruption: STRONG });
  assert.deepEqual(asRecorded.losses, clean.losses);
  assert.notDeepEqual(clean.losses, disturbed.losses);
  teacher[Symbol.dispose]();
});
