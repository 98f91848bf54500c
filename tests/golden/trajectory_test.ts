import assert from "node:assert/strict";
import { NO_AUGMENTATION, PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import {
  attentionDistillation,
  PAPER_DISTILLATION,
} from "../../src/defenses/attention_distillation.ts";
import { evaluateModel } from "../../src/train/evaluate.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { CROSS_ENTROPY } from "../../src/train/objectives.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { gpu } from "../gpu/device.ts";
import { type GoldenCounts, goldenCounts } from "./golden_counts.ts";
import { gridTrigger } from "./grid_trigger.ts";
import {
  CIFAR10,
  firstTrainingImages,
  goldenNumbers,
  present,
  publishedModel,
  testImages,
} from "./published.ts";

interface Trajectory {
  readonly columns: readonly string[];
  /** (steps, columns) */
  readonly steps: readonly (readonly number[])[];
  readonly after: GoldenCounts;
}

/** Steps whose losses must agree closely; later ones drift apart by rounding. */
const EARLY_STEPS = 10;

for (const method of ["nad", "finetune"] as const) {
  const file = `${method}_trajectory.json`;
  Deno.test({
    name: `39 steps of ${method} follow PyTorch's losses and end at its counts`,
    ignore: !present(`golden/${file}`, CIFAR10),
    async fn() {
      const golden = goldenNumbers<Trajectory>(file);
      const objective = method === "finetune"
        ? CROSS_ENTROPY
        : attentionDistillation(await publishedModel(gpu, "teacher"), PAPER_DISTILLATION);
      assert.deepEqual(objective.columns, golden.columns);
      const student = await publishedModel(gpu, "student");
      const store = uploadImages(gpu, await firstTrainingImages(golden.steps.length * 64));
      const trainer = createTrainer(gpu, student, { store }, objective, {
        epochs: 1,
        batchSize: 64,
        learningRate: 0.01,
        schedule: "constant",
        momentum: 0.9,
        nesterov: true,
        weightDecay: 1e-4,
        augmentation: NO_AUGMENTATION,
        preprocessing: PLAIN_PREPROCESSING,
        order: "file",
        seed: 0,
      });
      const { losses } = await trainer.runEpoch(0);
      trainer[Symbol.dispose]();
      for (const [i, expected] of golden.steps.slice(0, EARLY_STEPS).flat().entries()) {
        const relative = Math.abs(losses[i]! / expected - 1);
        const step = Math.floor(i / golden.columns.length);
        assert.ok(relative < 1e-3, `step ${step}: found ${losses[i]}, expected ${expected}`);
      }

      const evaluation = await evaluateModel(gpu, student, uploadImages(gpu, await testImages()), {
        preprocessing: PLAIN_PREPROCESSING,
        backdoor: { name: "grid", trigger: gridTrigger(), target: { mode: "all2one", label: 5 } },
      });
      const found = goldenCounts(evaluation);
      const near = (name: keyof GoldenCounts, samples: number) => {
        const points = 100 * Math.abs(found[name] - golden.after[name]) / samples;
        assert.ok(points < 0.5, `${name}: found ${found[name]}, expected ${golden.after[name]}`);
      };
      near("correct", 10_000);
      near("correct_non_target", 9_000);
      near("attack_success", 9_000);
      near("attacked_correct", 9_000);
    },
  });
}
