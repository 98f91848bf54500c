import assert from "node:assert/strict";
import {
  attentionDistillation,
  PAPER_DISTILLATION,
} from "../../src/defenses/attention_distillation.ts";
import { isSpatiallyConstant } from "../../src/defenses/check_taps.ts";
import { ModelError } from "../../src/errors.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import type { Architecture } from "../../src/nn/architecture.ts";
import { loadModel, type Model, readModel } from "../../src/nn/model.ts";
import { floats, initialState } from "../../src/nn/state.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { CROSS_ENTROPY } from "../../src/train/objectives.ts";
import { createTrainer, type Objective } from "../../src/train/trainer.ts";
import { gpu } from "../gpu/device.ts";
import { CLASSES, SMALL_SETTINGS, smallImages, smallModel } from "../train/small.ts";

/**
 * The objective with a cross-entropy that counts for nothing: its gradients are below what float32
 * can add to a parameter, but every parameter still has one, as the optimiser expects.
 */
function attentionAlone(objective: Objective, taps = 3): Objective {
  return {
    columns: objective.columns.slice(0, 1 + taps),
    record: (tape, batch, student) =>
      objective.record(tape, batch, student).slice(0, 1 + taps).map((loss, i) =>
        i === 0 ? { ...loss, weight: 1e-30 } : loss
      ),
  };
}

/** Which of `names` differ by more than `attentionAlone`'s cross-entropy could move them. */
function moved(before: StateDict, after: StateDict, names: readonly string[]): string[] {
  return names.filter((name) => {
    const old = floats(before.get(name)!);
    return floats(after.get(name)!).some((value, i) => Math.abs(value - old[i]!) > 1e-6);
  });
}

/** The state and the losses after one epoch of four steps from the same beginning. */
async function afterEpoch(
  objective: Objective,
  student: Model = smallModel(gpu, 1),
): Promise<{ state: StateDict; losses: Float32Array }> {
  const store = uploadImages(gpu, smallImages(64, 3));
  const trainer = createTrainer(gpu, student, { store }, objective, {
    ...SMALL_SETTINGS,
    weightDecay: 0,
  });
  const { losses } = await trainer.runEpoch(0);
  const state = await readModel(gpu, student);
  trainer[Symbol.dispose]();
  store[Symbol.dispose]();
  student[Symbol.dispose]();
  return { state, losses };
}

Deno.test("the attention loss alone moves the student's first convolution, and falls", async () => {
  const teacher = smallModel(gpu, 2);
  const objective = attentionDistillation(teacher, PAPER_DISTILLATION);
  const { state, losses } = await afterEpoch(attentionAlone(objective));
  const fresh = smallModel(gpu, 1);
  const before = await readModel(gpu, fresh);
  fresh[Symbol.dispose]();
  teacher[Symbol.dispose]();
  const reached = ["conv1.weight", "block1.layer.0.bn1.bias", "block3.layer.0.conv2.weight"];
  // Attention ends at the last group: nothing behind it is trained without cross-entropy.
  const behind = ["fc.weight", "fc.bias", "bn1.weight"];
  assert.deepEqual(moved(before, state, [...reached, ...behind]), reached);
  const attention = (step: number) => [1, 2, 3].reduce((sum, i) => sum + losses[4 * step + i]!, 0);
  assert.ok(attention(3) < attention(0), losses.join(" "));
});

Deno.test("the attention loss of the first tap alone leaves later groups untouched", async () => {
  const teacher = smallModel(gpu, 2);
  const objective = attentionDistillation(teacher, PAPER_DISTILLATION);
  const { state } = await afterEpoch(attentionAlone(objective, 1));
  const fresh = smallModel(gpu, 1);
  const before = await readModel(gpu, fresh);
  fresh[Symbol.dispose]();
  teacher[Symbol.dispose]();
  const names = ["block1.layer.0.conv1.weight", "block2.layer.0.conv1.weight", "fc.weight"];
  assert.deepEqual(moved(before, state, names), names.slice(0, 1));
});

Deno.test("betas of 0 give plain finetuning, bit for bit", async () => {
  const teacher = smallModel(gpu, 2);
  const objective = attentionDistillation(teacher, { ...PAPER_DISTILLATION, betas: [0, 0, 0] });
  const distilled = await afterEpoch(objective);
  teacher[Symbol.dispose]();
  const finetuned = await afterEpoch(CROSS_ENTROPY);
  assert.deepEqual(distilled.state, finetuned.state);
  assert.deepEqual(distilled.losses.filter((_, i) => i % 4 === 0), finetuned.losses);
});

Deno.test("distillation leaves the teacher, its running statistics included, as it was", async () => {
  const teacher = smallModel(gpu, 2);
  const before = await readModel(gpu, teacher);
  await afterEpoch(
    attentionDistillation(teacher, PAPER_DISTILLATION),
  );
  assert.deepEqual(await readModel(gpu, teacher), before);
  teacher[Symbol.dispose]();
});

Deno.test("a student equal to its teacher in evaluation mode would have attention losses of 0", async () => {
  const teacher = smallModel(gpu, 1);
  const objective = attentionDistillation(teacher, { ...PAPER_DISTILLATION, betas: [1, 1, 1] });
  const inEvaluation: Architecture = {
    ...teacher.architecture,
    forward: (tape, state, x) => teacher.architecture.forward(tape, state, x, "evaluation"),
  };
  const student = loadModel(gpu, inEvaluation, initialState(inEvaluation, 1), "the student");
  const store = uploadImages(gpu, smallImages(16, 3));
  const trainer = createTrainer(gpu, student, { store }, objective, SMALL_SETTINGS);
  const { losses } = await trainer.runEpoch(0);
  assert.deepEqual([...losses.subarray(1)], [0, 0, 0]);
  assert.ok(losses[0]! > 0);
  trainer[Symbol.dispose]();
  for (const model of [student, teacher]) model[Symbol.dispose]();
  store[Symbol.dispose]();
});

Deno.test("a wider, deeper teacher distils into a narrow student", async () => {
  const architecture = wideResNet(16, 2, CLASSES);
  const teacher = loadModel(gpu, architecture, initialState(architecture, 2), "the teacher");
  const objective = attentionDistillation(teacher, PAPER_DISTILLATION);
  const { losses } = await afterEpoch(objective);
  assert.ok(losses.every((loss) => Number.isFinite(loss) && loss > 0));
  teacher[Symbol.dispose]();
});

Deno.test("a tap of 1x1 pixels is refused: its normalised map would be constant", () => {
  const model = smallModel(gpu, 1);
  const small = { ...smallImages(16, 3), height: 2, width: 2 };
  const store = uploadImages(gpu, { ...small, pixels: small.pixels.slice(0, 16 * 12) });
  const objective = attentionDistillation(model, { ...PAPER_DISTILLATION, betas: [1, 1, 1] });
  assert.throws(
    () => createTrainer(gpu, model, { store }, objective, SMALL_SETTINGS),
    (error) =>
      error instanceof ModelError &&
      /^cannot distil the attention of .*: its map is 1x1, constant once normalised; /.test(
        error.message,
      ),
  );
  model[Symbol.dispose]();
  store[Symbol.dispose]();
});

Deno.test("numbers of taps and betas that differ are refused", () => {
  const model = smallModel(gpu, 1);
  const store = uploadImages(gpu, smallImages(16, 3));
  const objective = attentionDistillation(model, { ...PAPER_DISTILLATION, betas: [1, 1] });
  assert.throws(
    () => createTrainer(gpu, model, { store }, objective, SMALL_SETTINGS),
    new ModelError(
      "cannot distil 3 taps of the student from 3 of the teacher with 2 betas: expected equal numbers",
    ),
  );
  model[Symbol.dispose]();
  store[Symbol.dispose]();
});

Deno.test("isSpatiallyConstant() tells maps that say nothing from maps that say something", () => {
  const constant = Float32Array.of(2, 2, 2, 2, 5, 5, 5, 5);
  assert.ok(isSpatiallyConstant(constant, 2));
  assert.ok(isSpatiallyConstant(new Float32Array(8), 2));
  assert.ok(isSpatiallyConstant(Float32Array.of(3, 4), 2), "1x1 maps are constant");
  assert.ok(!isSpatiallyConstant(constant.with(6, 5.1), 2));
});
