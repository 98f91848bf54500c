import assert from "node:assert/strict";
import {
  DataError,
  DeviceLostError,
  Interrupted,
  TrainingError,
  UsageError,
} from "../../src/errors.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import { openGpu } from "../../src/gpu/gpu.ts";
import { identityTrigger } from "../../src/data/trigger.ts";
import { readModel } from "../../src/nn/model.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { CROSS_ENTROPY } from "../../src/train/objectives.ts";
import { type Snapshot, train } from "../../src/train/train.ts";
import { createTrainer, type TrainingSettings } from "../../src/train/trainer.ts";
import { gpu } from "../gpu/device.ts";
import { SMALL_SETTINGS, smallImages, smallModel } from "./small.ts";

const AUGMENTED: TrainingSettings = {
  ...SMALL_SETTINGS,
  augmentation: { cropPadding: 1, flip: true, cutout: 3 },
};

/** Trains a fresh model on 70 images; the state, the losses and the optimiser's last snapshot. */
async function trained(
  settings: TrainingSettings,
  options: { initial?: number; resume?: Snapshot; stopAfter?: number } = {},
): Promise<{ state: StateDict; losses: number[]; snapshot: Snapshot }> {
  const model = smallModel(gpu, options.initial ?? 5);
  const store = uploadImages(gpu, smallImages(70, 3));
  const losses: number[] = [];
  let snapshot: Snapshot | undefined;
  const abort = new AbortController();
  try {
    await train(gpu, {
      model,
      images: { store },
      objective: CROSS_ENTROPY,
      settings,
      resume: options.resume,
      signal: abort.signal,
      onEpoch: async (metrics, take) => {
        losses.push(...metrics.losses);
        snapshot = await take();
        if (snapshot.epoch === options.stopAfter) abort.abort();
      },
    });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  }
  const state = await readModel(gpu, model);
  model[Symbol.dispose]();
  store[Symbol.dispose]();
  return { state, losses, snapshot: snapshot! };
}

Deno.test("training learns: the loss of separable classes falls, and every parameter moves", async () => {
  const { losses, state } = await trained(SMALL_SETTINGS);
  const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
  assert.ok(mean(losses.slice(0, 4)) > 2 * mean(losses.slice(-4)), losses.join(" "));
  const model = smallModel(gpu, 5);
  const before = await readModel(gpu, model);
  model[Symbol.dispose]();
  for (const [name, { data }] of state) assert.notDeepEqual(data, before.get(name)!.data, name);
  assert.deepEqual(state.get("bn1.num_batches_tracked")!.data, BigInt64Array.of(16n));
});

Deno.test("two trainings with equal seeds end with equal bits", async () => {
  const first = await trained(AUGMENTED);
  const second = await trained(AUGMENTED);
  assert.deepEqual(second.losses, first.losses);
  assert.deepEqual(second.state, first.state);
  assert.deepEqual(second.snapshot, first.snapshot);
});

Deno.test("trainings with different seeds end differently, by order and by augmentation", async () => {
  const weights = async (settings: TrainingSettings) =>
    (await trained({ ...settings, epochs: 1 })).state.get("conv1.weight")!.data.join();
  const seed = (settings: TrainingSettings) => ({ ...settings, seed: 2 });
  assert.notEqual(await weights(SMALL_SETTINGS), await weights(seed(SMALL_SETTINGS)));
  const inFileOrder: TrainingSettings = { ...AUGMENTED, order: "file" };
  assert.notEqual(await weights(inFileOrder), await weights(seed(inFileOrder)));
  const plain: TrainingSettings = { ...SMALL_SETTINGS, order: "file" };
  assert.equal(await weights(plain), await weights(seed(plain)), "nothing random is left");
});

Deno.test("a resumed training ends with the bits of an uninterrupted one", async () => {
  const whole = await trained(AUGMENTED);
  const half = await trained(AUGMENTED, { stopAfter: 2 });
  assert.equal(half.snapshot.epoch, 2);
  assert.equal(half.losses.length, 8);
  const rest = await trained(AUGMENTED, { initial: 99, resume: half.snapshot });
  assert.deepEqual([...half.losses, ...rest.losses], whole.losses);
  assert.deepEqual(rest.state, whole.state);
});

Deno.test("an epoch makes no buffer, bind group or pipeline, and few submissions", async () => {
  const model = smallModel(gpu, 5);
  const store = uploadImages(gpu, smallImages(16 * 20, 3));
  const trainer = createTrainer(gpu, model, { store }, CROSS_ENTROPY, AUGMENTED);
  await trainer.runEpoch(0);
  const before = { ...gpu.counters };
  const steps: number[] = [];
  await trainer.runEpoch(1, { onProgress: ({ step }) => steps.push(step) });
  const { dispatches, submits, fences, ...rest } = gpu.counters;
  const { buffers, bindGroups, pipelines, bytes, peakBytes } = before;
  assert.deepEqual(rest, { buffers, bindGroups, pipelines, bytes, peakBytes });
  assert.equal(dispatches - before.dispatches, 20 * trainer.program.dispatches.length);
  // A submission and a fence that reads the losses for each report of progress.
  assert.equal(fences - before.fences, steps.length);
  assert.ok(submits - before.submits <= 2 * steps.length);
  assert.ok(steps.length < 20 && steps.at(-1) === 20, steps.join());

  trainer.program.run(10);
  assert.equal(gpu.counters.fences, fences, "steps wait for nothing");
  assert.equal(gpu.counters.submits, submits + 1);
  trainer[Symbol.dispose]();
  model[Symbol.dispose]();
  store[Symbol.dispose]();
});

Deno.test("all memory of a training run is freed", () => {
  const before = gpu.counters.bytes;
  const model = smallModel(gpu, 5);
  const store = uploadImages(gpu, smallImages(64, 3));
  createTrainer(gpu, model, { store }, CROSS_ENTROPY, SMALL_SETTINGS)[Symbol.dispose]();
  model[Symbol.dispose]();
  store[Symbol.dispose]();
  assert.equal(gpu.counters.bytes, before);
});

Deno.test("createTrainer() throws where there are fewer images than one batch", () => {
  const model = smallModel(gpu, 5);
  const store = uploadImages(gpu, smallImages(15, 3));
  assert.throws(
    () => createTrainer(gpu, model, { store }, CROSS_ENTROPY, SMALL_SETTINGS),
    new DataError(
      "cannot train on 15 images with a batch size of 16: expected at least one batch; use more " +
        "images or a smaller --batch-size",
    ),
  );
  model[Symbol.dispose]();
  store[Symbol.dispose]();
});

Deno.test("createTrainer() throws for a trigger of another size than the images", () => {
  const model = smallModel(gpu, 5);
  const store = uploadImages(gpu, smallImages(16, 3));
  const images = { store, trigger: identityTrigger(9, 8) };
  assert.throws(
    () => createTrainer(gpu, model, images, CROSS_ENTROPY, SMALL_SETTINGS),
    new UsageError("cannot put a 9x8 trigger on images of 8x8"),
  );
  model[Symbol.dispose]();
  store[Symbol.dispose]();
});

Deno.test("a loss that becomes NaN or infinite stops the training and says where", async () => {
  const run = trained({ ...SMALL_SETTINGS, learningRate: 1e30 });
  await assert.rejects(run, (error) => {
    assert.ok(error instanceof TrainingError, String(error));
    assert.match(
      error.message,
      /^training diverged: (ce became (NaN|-?Infinity)|.* became NaN or infinite) in step [2-4] of epoch 1; a lower --lr may help$/,
    );
    return true;
  });
});

Deno.test("an aborted epoch throws Interrupted without running to its end", async () => {
  const model = smallModel(gpu, 5);
  const store = uploadImages(gpu, smallImages(16 * 400, 3));
  const trainer = createTrainer(gpu, model, { store }, CROSS_ENTROPY, SMALL_SETTINGS);
  const abort = new AbortController();
  const before = gpu.counters.dispatches;
  await assert.rejects(
    trainer.runEpoch(0, { signal: abort.signal, onProgress: () => abort.abort() }),
    Interrupted,
  );
  const steps = (gpu.counters.dispatches - before) / trainer.program.dispatches.length;
  assert.ok(steps < 400, `${steps} steps`);
  await gpu.finish();
  trainer[Symbol.dispose]();
  model[Symbol.dispose]();
  store[Symbol.dispose]();
});

Deno.test("a device lost in the middle of an epoch is a DeviceLostError within a second", async () => {
  const own = await openGpu();
  const model = smallModel(own, 5);
  const store = uploadImages(own, smallImages(16 * 400, 3));
  const trainer = createTrainer(own, model, { store }, CROSS_ENTROPY, SMALL_SETTINGS);
  let lost = 0;
  await assert.rejects(
    trainer.runEpoch(0, {
      onProgress: () => {
        if (lost > 0) return;
        own.device.destroy();
        lost = performance.now();
      },
    }),
    (error) => error instanceof DeviceLostError,
  );
  assert.ok(lost > 0 && performance.now() - lost < 1000);
  own.close();
});

Deno.test("one step trains on a device with the guaranteed minimum limits", async () => {
  const minimum = await openGpu({ minimumLimits: true });
  const model = smallModel(minimum, 5);
  const store = uploadImages(minimum, smallImages(16, 3));
  const images = { store, trigger: identityTrigger(8, 8) };
  const trainer = createTrainer(minimum, model, images, CROSS_ENTROPY, AUGMENTED);
  const { losses } = await trainer.runEpoch(0);
  assert.equal(losses.length, 1);
  // Untrained, three classes: about log 3.
  assert.ok(losses[0]! > 0.5 && losses[0]! < 3, String(losses[0]));
  const before = await readModel(gpu, smallModel(gpu, 5));
  const after = await readModel(minimum, model);
  assert.notDeepEqual(after.get("conv1.weight")!.data, before.get("conv1.weight")!.data);
  minimum.close();
});
