import assert from "node:assert/strict";
import { PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import { anomaliesOf, ANOMALY_THRESHOLD, audit, AUDIT_DEFAULTS } from "../../src/audit/audit.ts";
import { type ImageSet, selectImages } from "../../src/data/image_set.ts";
import { DataError, Interrupted, ModelError, UsageError } from "../../src/errors.ts";
import { readModel } from "../../src/nn/model.ts";
import { initialState } from "../../src/nn/state.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";
import { gpu } from "../gpu/device.ts";
import { CLASSES, smallImages, smallModel } from "../train/small.ts";
import { backdooredModel, cleanImages, TARGET } from "../train/backdoored.ts";

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
  assert.ok(found.accuracy > 0.9, `${found.accuracy}`);
  assert.equal(found.anomalyIndex, target.anomaly);
  assert.deepEqual(found.flagged, target.anomaly > ANOMALY_THRESHOLD ? [TARGET] : []);

  const state = await readModel(gpu, model);
  const named = { architecture: model.architecture, state, source: "the model" };
  const again = await audit(gpu, named, images, SETTINGS);
  assert.deepEqual(again.classes, found.classes);
  assert.equal(gpu.counters.bytes, before, "all memory is freed");
  model[Symbol.dispose]();
});

Deno.test("audit() of a network whose logits are not finite is an error and no verdict", async () => {
  const model = await backdooredModel(gpu);
  const state = await readModel(gpu, model);
  const weights = state.get("fc.weight")!;
  const huge = Float32Array.from(weights.data as Float32Array, (value) => value * 1e38);
  const named = {
    architecture: model.architecture,
    state: new Map(state).set("fc.weight", { ...weights, data: huge }),
    source: "the model",
  };
  model[Symbol.dispose]();
  const before = gpu.counters.bytes;
  await assert.rejects(audit(gpu, named, cleanImages(), { ...SETTINGS, steps: 3 }), (error) => {
    assert.ok(error instanceof ModelError, String(error));
    assert.match(error.message, /the margin of class 0 is NaN or infinite/);
    return true;
  });
  assert.equal(gpu.counters.bytes, before, "all memory is freed");
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
  // Classes that differ by less than a fifth, and one that never wins.
  const [near] = anomaliesOf([1, Math.exp(0.1), Math.exp(0.1)], [b, b, b]);
  assert.ok(Math.abs(near! - 0.25) < 1e-9);
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
  model[Symbol.dispose]();
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
