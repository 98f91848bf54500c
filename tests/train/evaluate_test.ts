import assert from "node:assert/strict";
import { PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import { applyTrigger, fixedPoint, identityTrigger } from "../../src/data/trigger.ts";
import type { ImageSet } from "../../src/data/image_set.ts";
import { type Model } from "../../src/nn/model.ts";
import { evaluateModel } from "../../src/train/evaluate.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { Interrupted } from "../../src/errors.ts";
import { CROSS_ENTROPY } from "../../src/train/objectives.ts";
import { train } from "../../src/train/train.ts";
import { gpu } from "../gpu/device.ts";
import { confusion } from "../reference/confusion.ts";
import { CLASSES, SMALL_SETTINGS, smallImages, smallModel } from "./small.ts";

async function evaluate(model: Model, set: ImageSet, options = {}) {
  const store = uploadImages(gpu, set);
  const result = await evaluateModel(gpu, model, store, {
    preprocessing: PLAIN_PREPROCESSING,
    logits: true,
    ...options,
  });
  store[Symbol.dispose]();
  return result;
}

/** Brightens the channel of class 0. */
const trigger = identityTrigger(8, 8);
trigger.offset.fill(fixedPoint(150), 0, 64);

for (const count of [7, 200, 417]) {
  Deno.test(`evaluateModel() counts each of ${count} images once, by its logits`, async () => {
    const model = smallModel(gpu, 6);
    const before = gpu.counters.bytes;
    const set = smallImages(count, 4);
    const { logits, confusion: found, samples, correct, accuracy } = await evaluate(model, set);
    assert.equal(logits!.length, count * CLASSES);
    const expected = confusion(logits!, set.labels, CLASSES);
    assert.deepEqual(found.counts, expected);
    assert.equal(samples, count);
    const diagonal = [0, 1, 2].reduce((sum, k) => sum + expected[k * CLASSES + k]!, 0);
    assert.equal(correct, diagonal);
    assert.equal(accuracy, diagonal / count);
    assert.equal(gpu.counters.bytes, before, "all memory is freed");
    model[Symbol.dispose]();
  });
}

Deno.test("evaluateModel() gives the logits of an image whatever its neighbours", async () => {
  const model = smallModel(gpu, 6);
  const set = smallImages(203, 4);
  const { logits } = await evaluate(model, set);
  const last: ImageSet = {
    ...set,
    pixels: set.pixels.slice(200 * 192),
    labels: set.labels.slice(200),
  };
  const alone = await evaluate(model, last);
  assert.deepEqual(alone.logits, logits!.slice(200 * CLASSES));
  model[Symbol.dispose]();
});

Deno.test("evaluateModel() measures an attack on the triggered images", async () => {
  const model = smallModel(gpu, 6);
  const set = smallImages(250, 4);
  const store = uploadImages(gpu, set);
  await train(gpu, {
    model,
    images: { store },
    objective: CROSS_ENTROPY,
    settings: SMALL_SETTINGS,
  });
  store[Symbol.dispose]();
  const stamped: ImageSet = { ...set, pixels: new Uint8Array(set.pixels.length) };
  for (let i = 0; i < 250; i++) {
    stamped.pixels.set(applyTrigger(trigger, set.pixels.subarray(i * 192, (i + 1) * 192)), i * 192);
  }
  const expected = (await evaluate(model, stamped)).confusion;
  for (const target of [{ mode: "all2one", label: 0 }, { mode: "all2all", label: 0 }] as const) {
    const backdoor = { name: "tint", trigger, target };
    const found = await evaluate(model, set, { backdoor });
    assert.deepEqual(found.triggeredConfusion, expected);
    assert.notDeepEqual(found.confusion, expected);
    const { samples, success } = found.attack!;
    assert.ok(success > 0, "the trigger does something");
    const count = (choose: (label: number, predicted: number) => boolean) =>
      expected.counts.reduce(
        (sum, n, i) => choose(Math.floor(i / CLASSES), i % CLASSES) ? sum + n : sum,
        0,
      );
    if (target.mode === "all2one") {
      assert.equal(samples, count((label) => label !== 0));
      assert.equal(success, count((label, predicted) => label !== 0 && predicted === 0));
    } else {
      assert.equal(samples, 250);
      assert.equal(success, count((label, predicted) => predicted === (label + 1) % CLASSES));
    }
  }
  model[Symbol.dispose]();
});

Deno.test("evaluateModel() reports rising progress that ends at the number of images", async () => {
  const model = smallModel(gpu, 6);
  const seen: number[] = [];
  const backdoor = { name: "tint", trigger, target: { mode: "all2one", label: 0 } as const };
  await evaluate(model, smallImages(450, 4), {
    backdoor,
    onProgress: (images: number) => seen.push(images),
  });
  assert.deepEqual(seen, seen.toSorted((a, b) => a - b));
  assert.equal(seen.at(-1), 450);
  model[Symbol.dispose]();
});

Deno.test("evaluateModel() stops where its signal is aborted, and frees its memory", async () => {
  const model = smallModel(gpu, 6);
  const store = uploadImages(gpu, smallImages(450, 4));
  const before = gpu.counters.bytes;
  await assert.rejects(
    evaluateModel(gpu, model, store, {
      preprocessing: PLAIN_PREPROCESSING,
      signal: AbortSignal.abort(),
    }),
    Interrupted,
  );
  assert.equal(gpu.counters.bytes, before);
  store[Symbol.dispose]();
  model[Symbol.dispose]();
});
