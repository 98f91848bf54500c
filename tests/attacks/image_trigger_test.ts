import assert from "node:assert/strict";
import { PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import { blend } from "../../src/attacks/blend.ts";
import { badnets } from "../../src/attacks/badnets.ts";
import { refool } from "../../src/attacks/refool.ts";
import { sig } from "../../src/attacks/sig.ts";
import { type Trigger, triggeredImage } from "../../src/data/trigger.ts";
import type { ImageSet } from "../../src/data/image_set.ts";
import { UsageError } from "../../src/errors.ts";
import { evaluateModel } from "../../src/train/evaluate.ts";
import { readImages, uploadImages } from "../../src/train/image_store.ts";
import { gpu } from "../gpu/device.ts";
import { smallImages, smallModel } from "../train/small.ts";

const request = { height: 8, width: 8, seed: 1, options: {} };
const TRIGGERS: Readonly<Record<string, Trigger>> = {
  badnets: badnets.trigger(request),
  blend: blend.trigger(request),
  sig: sig.trigger(request),
  refool: refool.trigger(request),
};

/** Logits of all images of a set. */
async function evaluate(set: ImageSet, trigger?: Trigger) {
  const model = smallModel(gpu, 6);
  const store = uploadImages(gpu, set);
  const target = { mode: "all2one", label: 1 } as const;
  const result = await evaluateModel(gpu, model, store, {
    preprocessing: PLAIN_PREPROCESSING,
    ...trigger ? { backdoor: { name: "any", trigger, target } } : {},
  });
  store[Symbol.dispose]();
  model[Symbol.dispose]();
  return result;
}

for (const [name, trigger] of Object.entries(TRIGGERS)) {
  Deno.test(`evaluateModel() sees the very images that triggeredImage() makes of ${name}`, async () => {
    const before = gpu.counters.bytes;
    const set = smallImages(230, 4);
    const pixels = new Uint8Array(set.pixels.length);
    for (let i = 0; i < 230; i++) {
      const image = set.pixels.subarray(i * 192, (i + 1) * 192);
      pixels.set(triggeredImage(trigger, image, i), i * 192);
    }
    const expected = await evaluate({ ...set, pixels });
    const found = await evaluate(set, trigger);
    assert.deepEqual(found.triggeredConfusion, expected.confusion);
    assert.deepEqual(found.confusion, (await evaluate(set)).confusion);
    const outside = set.labels.filter((label) => label !== 1).length;
    assert.equal(found.attack!.samples, outside);
    assert.equal(gpu.counters.bytes, before, "all memory is freed");
  });
}

Deno.test("evaluateModel() refuses an image trigger of another size", async () => {
  const trigger = refool.trigger({ ...request, height: 9 });
  await assert.rejects(evaluate(smallImages(3, 1), trigger), UsageError);
});

Deno.test("readImages() gives back what uploadImages() took", async () => {
  const set = smallImages(7, 2);
  const store = uploadImages(gpu, set);
  assert.deepEqual(await readImages(gpu, store), set);
  store[Symbol.dispose]();
});
