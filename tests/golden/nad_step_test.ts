import assert from "node:assert/strict";
import { NO_AUGMENTATION, PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import {
  attentionDistillation,
  PAPER_DISTILLATION,
} from "../../src/defenses/attention_distillation.ts";
import { flatLayout, readModel } from "../../src/nn/model.ts";
import { floats } from "../../src/nn/state.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { gpu } from "../gpu/device.ts";
import { largestDifference, largestMagnitude } from "../reference/compare.ts";
import {
  goldenArrays,
  goldenImages,
  present,
  publishedModel,
  publishedState,
  values,
} from "./published.ts";

const WEIGHT_DECAY = 1e-4;

Deno.test({
  name: "a step of attention distillation equals PyTorch's: losses, gradients, state",
  ignore: !present("golden/nad_step.npz"),
  async fn() {
    const golden = goldenArrays("nad_step.npz");
    const student = await publishedModel(gpu, "student");
    const teacher = await publishedModel(gpu, "teacher");
    const trainer = createTrainer(
      gpu,
      student,
      { store: uploadImages(gpu, goldenImages(golden)) },
      attentionDistillation(teacher, PAPER_DISTILLATION),
      {
        epochs: 1,
        batchSize: 64,
        learningRate: 0.1,
        schedule: "constant",
        momentum: 0.9,
        nesterov: true,
        weightDecay: WEIGHT_DECAY,
        augmentation: NO_AUGMENTATION,
        preprocessing: PLAIN_PREPROCESSING,
        order: "file",
        seed: 0,
      },
    );
    const metrics = await trainer.runEpoch(0);

    const losses = values(golden, "losses");
    for (const [i, found] of [...metrics.losses, metrics.loss].entries()) {
      const relative = Math.abs(found / losses[i]! - 1);
      assert.ok(relative < 1e-5, `loss ${i} is ${found}, expected ${losses[i]}`);
    }

    // After the first step the velocity is the gradient plus the weight decay's.
    const [velocityBytes] = await gpu.read(trainer.velocity);
    const velocity = new Float32Array(velocityBytes!);
    const before = await publishedState("student");
    const { offsets } = flatLayout(student.architecture, "parameter");
    assert.equal(
      [...golden.keys()].filter((name) => name.startsWith("grad/")).length,
      offsets.size,
    );
    for (const [name, offset] of offsets) {
      const expected = values(golden, `grad/${name}`);
      const found = values(before, name).map((p, i) => velocity[offset + i]! - WEIGHT_DECAY * p);
      const relative = largestDifference(found, expected) / largestMagnitude(expected);
      assert.ok(relative < 1e-3, `the gradient of ${name} is off by ${relative}`);
    }

    for (const [name, tensor] of await readModel(gpu, student)) {
      const expected = values(golden, `after/${name}`);
      const relative = largestDifference(floats(tensor), expected) / largestMagnitude(expected);
      assert.ok(relative < 1e-5, `${name} after the step is off by ${relative}`);
    }
    trainer[Symbol.dispose]();
  },
});
