import assert from "node:assert/strict";
import { PLAIN_PREPROCESSING, type Preprocessing } from "../../shaders/gather.ts";
import type { ImageSet } from "../../src/data/image_set.ts";
import { createInversion, type InversionProgress } from "../../src/audit/trigger_inversion.ts";
import { type Model } from "../../src/nn/model.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { gpu } from "../gpu/device.ts";
import { smallImages, smallModel } from "../train/small.ts";
import { backdooredModel, cleanImages, TARGET } from "../train/backdoored.ts";

/** What was found for a class, and all looks on the way. */
async function invert(
  model: Model,
  images: ImageSet,
  label: number,
  { steps, preprocessing }: { steps: number; preprocessing: Preprocessing },
) {
  const store = uploadImages(gpu, images);
  const settings = { preprocessing, batchSize: 16, steps, seed: 1 };
  const inversion = createInversion(gpu, model, store, settings);
  const records = Uint32Array.from(images.labels.keys()).filter((i) => images.labels[i] !== label);
  const looks: InversionProgress[] = [];
  const { fences, buffers, bindGroups } = gpu.counters;
  const found = await inversion.invert(label, records, {
    onProgress: (progress) => void looks.push(progress),
  });
  const more = gpu.counters.fences - fences - looks.length;
  assert.ok(more <= 2, `one fence a look, two more before the speed is known: ${more}`);
  assert.deepEqual([gpu.counters.buffers, gpu.counters.bindGroups], [buffers, bindGroups]);
  inversion[Symbol.dispose]();
  store[Symbol.dispose]();
  return { found, looks };
}

Deno.test("invert() keeps the smallest trigger that works, and ends when it finds no smaller one", async () => {
  const model = await backdooredModel(gpu);
  const { found, looks } = await invert(model, cleanImages(), TARGET, {
    steps: 2000,
    preprocessing: PLAIN_PREPROCESSING,
  });
  const working = looks.filter(({ successRate }) => successRate >= 0.99);
  const smallest = working.toSorted((a, b) => a.maskNorm - b.maskNorm)[0]!;
  assert.equal(found.maskNorm, smallest.maskNorm);
  assert.ok(smallest.step < 2000 && looks.at(-1)!.step === smallest.step + 50);
  // The trigger has four pixels.
  assert.ok(found.maskNorm > 0.5 && found.maskNorm < 8, `${found.maskNorm}`);
  model[Symbol.dispose]();
});

Deno.test("invert() keeps the trigger that works best where none works", async () => {
  const model = smallModel(gpu, 6);
  const { found, looks } = await invert(model, smallImages(40, 4), 2, {
    steps: 25,
    preprocessing: { mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.25, 0.5] },
  });
  assert.deepEqual(looks.map(({ step }) => step), [10, 20, 25]);
  assert.ok(looks.every(({ successRate }) => successRate < 0.99), JSON.stringify(looks));
  const best = looks.toSorted((a, b) => b.successRate - a.successRate)[0]!;
  assert.equal(found.maskNorm, best.maskNorm);
  model[Symbol.dispose]();
});
