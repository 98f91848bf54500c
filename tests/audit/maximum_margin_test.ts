import assert from "node:assert/strict";
import { PLAIN_PREPROCESSING, type Preprocessing } from "../../shaders/gather.ts";
import { maximumMargins } from "../../src/audit/maximum_margin.ts";
import { evaluateModel } from "../../src/train/evaluate.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { gpu } from "../gpu/device.ts";
import { CLASSES, smallImages, smallModel } from "../train/small.ts";

const NORMALISED: Preprocessing = { mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.25, 0.5] };

const IMAGES = 64;

for (const preprocessing of [PLAIN_PREPROCESSING, NORMALISED]) {
  const kind = preprocessing === NORMALISED ? "normalised" : "plain";
  Deno.test(`maximumMargins() climbs beyond every image, ${kind} pixels`, async () => {
    const model = smallModel(gpu, 6);
    const store = uploadImages(gpu, smallImages(IMAGES, 4));
    const { logits } = await evaluateModel(gpu, model, store, { preprocessing, logits: true });
    store[Symbol.dispose]();
    const seen = Array.from({ length: CLASSES }, (_, label) => {
      const margins = Array.from({ length: IMAGES }, (_, n) => {
        const row = [...logits!.subarray(n * CLASSES, (n + 1) * CLASSES)];
        return row[label]! - Math.max(...row.filter((_, k) => k !== label));
      });
      return Math.max(...margins);
    });
    const before = gpu.counters.bytes;
    const find = (labels: number[], steps: number) =>
      maximumMargins(gpu, model, labels, {
        preprocessing,
        height: 8,
        width: 8,
        batchSize: 4,
        starts: 3,
        step: 0.03,
        seed: 1,
        steps,
      });
    const found = await find([2, 0, 1], 60);
    for (const [i, label] of [2, 0, 1].entries()) {
      assert.ok(found[i]! > seen[label]!, `class ${label}: ${found[i]}, ${seen[label]}`);
    }
    const short = await find([2, 0, 1], 5);
    assert.ok(short.every((margin, i) => margin < found[i]!), `${short}; ${found}`);
    assert.equal(gpu.counters.bytes, before, "all memory is freed");
    model[Symbol.dispose]();
  });
}
