import assert from "node:assert/strict";
import { PLAIN_PREPROCESSING, type Preprocessing } from "../../shaders/gather.ts";
import { anomaliesOf, audit, AUDIT_DEFAULTS } from "../../src/audit/audit.ts";
import { maximumMargins } from "../../src/audit/maximum_margin.ts";
import { createInversion } from "../../src/audit/trigger_inversion.ts";
import { type ImageSet, selectImages } from "../../src/data/image_set.ts";
import { DataError, UsageError } from "../../src/errors.ts";
import { destroyModel, readModel } from "../../src/nn/model.ts";
import { initialState } from "../../src/nn/state.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";
import { evaluateModel } from "../../src/train/evaluate.ts";
import { destroyImages, uploadImages } from "../../src/train/image_store.ts";
import { Interrupted } from "../../src/train/run_steps.ts";
import { gpu } from "../gpu/device.ts";
import { CLASSES, smallImages, smallModel } from "../train/small.ts";
import { backdooredModel, cleanImages, TARGET } from "./backdoored.ts";

const SETTINGS = { ...AUDIT_DEFAULTS, preprocessing: PLAIN_PREPROCESSING };

Deno.test("audit() singles out the target of a backdoor, and does so again bit for bit", async () => {
  const model = await backdooredModel(gpu);
  const images = cleanImages();
  const before = gpu.counters.bytes;
  const shares: number[] = [];
  const found = await audit(gpu, model, images, SETTINGS, {
    onProgress: (share) => void shares.push(share),
  });
  assert.equal(gpu.counters.bytes, before, "all memory is freed");
  assert.ok(shares.every((share, i) => share > 0 && share <= 1 && share >= (shares[i - 1] ?? 0)));

  assert.deepEqual(found.classes.map(({ label }) => label), [0, 1, 2]);
  const target = found.classes[TARGET]!;
  for (const other of found.classes) {
    assert.ok(other.mask.every((share) => share >= 0 && share <= 1));
    assert.ok(other.pattern.every((pixel) => pixel >= 0 && pixel <= 1));
    const norm = other.mask.reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(other.maskNorm - norm) < 1e-4);
    if (other === target) continue;
    assert.ok(target.maskNorm < 0.8 * other.maskNorm, `${target.maskNorm}, ${other.maskNorm}`);
    assert.ok(target.margin > 1.5 * other.margin, `${target.margin}, ${other.margin}`);
  }
  assert.ok(target.successRate > 0.9, `${target.successRate}`);
  assert.equal(found.anomalyIndex, target.anomaly);
  assert.deepEqual(found.flagged, [TARGET]);

  const state = await readModel(gpu, model);
  const named = { architecture: model.architecture, state, source: "the model" };
  const again = await audit(gpu, named, images, SETTINGS);
  assert.deepEqual(again.classes, found.classes);
  assert.equal(gpu.counters.bytes, before, "all memory is freed");
  destroyModel(gpu, model);
});

Deno.test("anomaliesOf() averages how small the mask and how large the margin is", () => {
  const [a, b, c] = [Math.exp(1), Math.exp(2), Math.exp(3)];
  assert.deepEqual(
    anomaliesOf([a, b, c], [a, b, c]).map((value) => Math.round(1e6 * value) / 1e6),
    [0, 0, 0],
  );
  const small = anomaliesOf([a, b, c], [b, b, b]);
  for (const [i, expected] of [0.5, 0, -0.5].entries()) {
    assert.ok(Math.abs(small[i]! - expected / 1.4826) < 1e-9);
  }
  assert.ok(anomaliesOf([a, a, a], [-5, b, b]).every(Number.isFinite));
});

Deno.test("audit() refuses labels and images that say nothing", async () => {
  const model = smallModel(gpu, 6);
  const images = smallImages(40, 4);
  const refuse = (
    change: { labels?: number[]; images?: ImageSet },
    error: typeof UsageError | typeof DataError,
    message: RegExp,
  ) =>
    assert.rejects(
      audit(gpu, model, change.images ?? images, { ...SETTINGS, labels: change.labels }),
      (thrown: Error) => thrown instanceof error && message.test(thrown.message),
    );
  await refuse({ labels: [0, 1] }, UsageError, /cannot audit 2 classes: expected at least 3/);
  await refuse({ labels: [0, 1, 3] }, UsageError, /class 3: expected each class once, 0 to 2/);
  await refuse({ labels: [0, 1, 2, 1] }, UsageError, /class 1: expected each class once/);
  const few = selectImages(images, Array.from({ length: 12 }, (_, i) => i));
  await refuse(
    { images: few },
    DataError,
    /with \d+ images of other classes: expected at least 16/,
  );
  destroyModel(gpu, model);
});

Deno.test("audit() stops when its signal is aborted, and frees all memory", async () => {
  const state = initialState(wideResNet(10, 1, CLASSES), 6);
  const named = { architecture: wideResNet(10, 1, CLASSES), state, source: "a fresh model" };
  const before = gpu.counters.bytes;
  for (const stopAt of [0, 0.5]) {
    const abort = new AbortController();
    const running = audit(gpu, named, smallImages(40, 4), SETTINGS, {
      signal: abort.signal,
      onProgress: (share) => share >= stopAt && abort.abort(),
    });
    await assert.rejects(running, Interrupted);
    assert.equal(gpu.counters.bytes, before);
  }
});

const NORMALISED: Preprocessing = { mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.25, 0.5] };

for (const preprocessing of [PLAIN_PREPROCESSING, NORMALISED]) {
  const kind = preprocessing === NORMALISED ? "normalised" : "plain";
  Deno.test(`maximumMargins() climbs beyond every image, ${kind} pixels`, async () => {
    const model = smallModel(gpu, 6);
    const images = smallImages(64, 4);
    const store = uploadImages(gpu, images);
    const { logits } = await evaluateModel(gpu, model, store, { preprocessing, logits: true });
    destroyImages(gpu, store);
    const seen = Array.from({ length: CLASSES }, (_, label) => {
      const margins = Array.from({ length: 64 }, (_, n) => {
        const row = [...logits!.subarray(n * CLASSES, (n + 1) * CLASSES)];
        return row[label]! - Math.max(...row.filter((_, k) => k !== label));
      });
      return Math.max(...margins);
    });
    const settings = {
      preprocessing,
      height: 8,
      width: 8,
      batchSize: 4,
      starts: 3,
      step: 0.03,
      seed: 1,
    };
    const find = (labels: number[], steps: number) =>
      maximumMargins(gpu, model, labels, { ...settings, steps });
    const found = await find([0, 1, 2], 60);
    for (const [label, margin] of found.entries()) {
      assert.ok(margin > seen[label]!, `class ${label}: ${margin}, ${seen[label]}`);
    }
    const short = await find([0, 1, 2], 1);
    assert.ok(short.every((margin, label) => margin < found[label]!), `${short} ${found}`);
    destroyModel(gpu, model);
  });
}

Deno.test("createInversion() keeps the trigger that works best where none works", async () => {
  const model = smallModel(gpu, 6);
  const images = smallImages(40, 4);
  const store = uploadImages(gpu, images);
  const inversion = createInversion(gpu, model, store, {
    preprocessing: NORMALISED,
    batchSize: 16,
    steps: 25,
    seed: 1,
  });
  const looks: number[] = [];
  const records = Uint32Array.from(images.labels.keys()).filter((i) => images.labels[i] !== 2);
  const norms: number[] = [];
  const found = await inversion.invert(2, records, {
    onProgress({ step, successRate, maskNorm }) {
      looks.push(step);
      norms.push(maskNorm);
      assert.ok(successRate >= 0 && successRate <= 1);
    },
  });
  assert.deepEqual(looks, [10, 20, 25]);
  assert.ok(norms.includes(found.maskNorm));
  inversion.destroy();
  destroyImages(gpu, store);
  destroyModel(gpu, model);
});
