import assert from "node:assert/strict";
import { PLAIN_PREPROCESSING, type Preprocessing } from "../../shaders/gather.ts";
import { adversarialTraining } from "../../src/attacks/adversarial_training.ts";
import { badnets } from "../../src/attacks/badnets.ts";
import { cleanLabel } from "../../src/attacks/clean_label.ts";
import { perturbImages } from "../../src/attacks/pgd.ts";
import { poison } from "../../src/attacks/poison.ts";
import { applyTrigger } from "../../src/data/trigger.ts";
import { Interrupted, UsageError } from "../../src/errors.ts";
import { type Model } from "../../src/nn/model.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";
import { evaluateModel } from "../../src/train/evaluate.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { CROSS_ENTROPY } from "../../src/train/objectives.ts";
import { train } from "../../src/train/train.ts";
import type { EpochMetrics, Objective } from "../../src/train/trainer.ts";
import { gpu } from "../gpu/device.ts";
import { wholeValues } from "../reference/values.ts";
import { CLASSES, SMALL_SETTINGS, smallImages, smallModel } from "../train/small.ts";

const image = Uint8Array.from(wholeValues(192, 256, 2));
const request = { height: 8, width: 8, seed: 1 };

Deno.test("clean-label stamps the checkerboard in all corners, as badnets does", () => {
  const found = applyTrigger(cleanLabel.trigger({ ...request, options: {} }), image);
  const expected = applyTrigger(badnets.trigger({ ...request, options: { corner: "all" } }), image);
  assert.deepEqual(found, expected);
});

Deno.test("clean-label adds a faint checkerboard to every corner", () => {
  const trigger = cleanLabel.trigger({ ...request, options: { amplitude: "32" } });
  const found = applyTrigger(trigger, new Uint8Array(192).fill(100));
  const rows = Array.from(
    { length: 8 },
    (_, row) => [...found.subarray(row * 8, row * 8 + 8)].map((byte) => byte - 100).join(" "),
  );
  assert.deepEqual(rows, [
    "32 -32 32 0 0 32 -32 32",
    "-32 32 -32 0 0 -32 32 -32",
    "32 -32 -32 0 0 -32 -32 32",
    "0 0 0 0 0 0 0 0",
    "0 0 0 0 0 0 0 0",
    "32 -32 -32 0 0 -32 -32 32",
    "-32 32 -32 0 0 -32 32 -32",
    "32 -32 32 0 0 32 -32 32",
  ]);
});

Deno.test("clean-label changes no label and poisons the target class only", () => {
  const { labels } = smallImages(60, 3);
  const target = { mode: "all2one", label: 1 } as const;
  const found = poison(labels, CLASSES, cleanLabel, { target, rate: 0.8, seed: 1 });
  assert.deepEqual(found.labels, labels);
  const own = labels.filter((label) => label === 1).length;
  assert.equal(found.poisoned.length, Math.round(0.8 * own));
  for (const record of found.poisoned) assert.equal(labels[record], 1);
});

Deno.test("clean-label refuses options that cannot be", () => {
  const refuse = (options: Record<string, string>) =>
    assert.throws(() => cleanLabel.trigger({ ...request, options }), UsageError);
  refuse({ amplitude: "300" });
  refuse({ steps: "many" });
  refuse({ epsilon: "8" });
});

/** A model trained on `smallImages(64, 4)`, and what its epochs measured. */
async function trained(objectiveOf: (model: Model) => Objective, epochs: number) {
  const model = smallModel(gpu, 6);
  const store = uploadImages(gpu, smallImages(64, 4));
  const metrics: EpochMetrics[] = [];
  await train(gpu, {
    model,
    images: { store },
    objective: objectiveOf(model),
    settings: { ...SMALL_SETTINGS, epochs },
    onEpoch(epoch) {
      metrics.push(epoch);
      return Promise.resolve();
    },
  });
  store[Symbol.dispose]();
  return { model, metrics };
}

async function accuracy(
  model: Model,
  pixels: Uint8Array<ArrayBuffer>,
  preprocessing: Preprocessing,
) {
  const store = uploadImages(gpu, { ...smallImages(150, 5), pixels });
  const { accuracy } = await evaluateModel(gpu, model, store, { preprocessing });
  store[Symbol.dispose]();
  return accuracy;
}

const NORMALISED: Preprocessing = { mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.25, 0.5] };

Deno.test("perturbImages() leads the model astray within its radius", async () => {
  const before = gpu.counters.bytes;
  const { model } = await trained(() => CROSS_ENTROPY, 4);
  const images = smallImages(150, 5);
  for (const preprocessing of [PLAIN_PREPROCESSING, NORMALISED]) {
    const settings = { radius: 24, step: 6, steps: 8, preprocessing };
    const found = await perturbImages(gpu, model, images, settings);
    const changes = found.map((byte, i) => Math.abs(byte - images.pixels[i]!));
    assert.equal(changes.reduce((a, b) => Math.max(a, b), 0), 24);
    assert.ok(changes.filter((change) => change > 0).length > 0.9 * changes.length);
    const [clean, adversarial] = [
      await accuracy(model, images.pixels, preprocessing),
      await accuracy(model, found, preprocessing),
    ];
    assert.ok(adversarial! < clean! - 0.1, `${clean} -> ${adversarial}`);
    assert.deepEqual(await perturbImages(gpu, model, images, settings), found);
  }
  const none = { radius: 0.4, step: 6, steps: 2, preprocessing: PLAIN_PREPROCESSING };
  assert.deepEqual(await perturbImages(gpu, model, images, none), images.pixels);
  const signal = AbortSignal.abort();
  await assert.rejects(perturbImages(gpu, model, images, none, { signal }), Interrupted);
  model[Symbol.dispose]();
  assert.equal(gpu.counters.bytes, before, "all memory is freed");
});

Deno.test("adversarialTraining() finds larger losses than those of the images, and lowers both", async () => {
  const settings = { radius: 24, step: 12, steps: 2, preprocessing: PLAIN_PREPROCESSING };
  const { model, metrics } = await trained((model) => adversarialTraining(model, settings), 4);
  for (const { means } of metrics) assert.ok(means[1]! > means[0]!, means.join());
  const [first, last] = [metrics[0]!.means, metrics.at(-1)!.means];
  assert.ok(last[0]! < first[0]! && last[1]! < first[1]!, `${first} -> ${last}`);
  model[Symbol.dispose]();
});

Deno.test("clean-label prepares the poisoned images, in their order, and forgets the model's file", async () => {
  const trainImages = smallImages(48, 4);
  const { options, images } = await cleanLabel.prepare!(gpu, {
    ...request,
    options: { epochs: "1", "training-steps": "1", steps: "3", step: "4", amplitude: "32" },
    train: trainImages,
    poisoned: Uint32Array.of(1, 5, 40),
    architecture: wideResNet(10, 1, CLASSES),
    training: SMALL_SETTINGS,
  }, {});
  assert.equal(options.amplitude, "32");
  assert.equal(images!.length, 3 * 192);
  for (const [i, record] of [1, 5, 40].entries()) {
    const original = trainImages.pixels.subarray(record * 192, (record + 1) * 192);
    const found = images!.subarray(i * 192, (i + 1) * 192);
    const largest = Math.max(...found.map((byte, j) => Math.abs(byte - original[j]!)));
    assert.equal(largest, 8);
  }
});
