/**
 * NaN and infinity anywhere in a network are seen, whichever kernels run: ReLU turns NaN into 0, so
 * that losses and logits of a broken network can be finite.
 */

import assert from "node:assert/strict";
import { PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import { ModelError, TrainingError } from "../../src/errors.ts";
import { type Model, readModel, writeModel } from "../../src/nn/model.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { createEvaluator } from "../../src/train/evaluate.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { CROSS_ENTROPY } from "../../src/train/objectives.ts";
import { train } from "../../src/train/train.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { openVariant, VARIANTS } from "../gpu/variants.ts";
import { gpu } from "../gpu/device.ts";
import { SMALL_SETTINGS, smallImages, smallModel } from "./small.ts";

/** Writes `value` into the middle of a tensor of the model. */
function spoil(gpu: Gpu, model: Model, name: string, value: number): void {
  const range = model.tensors.get(name)!.location!;
  gpu.write(range, Float32Array.of(value), Math.floor(range.size / 8) * 4);
}

/** Parameters and running statistics. */
const tensorNames = (model: Model) => [...model.tensors.keys()];

for (const variant of VARIANTS) {
  Deno.test(`NaN in any tensor ends a training with ${variant} kernels within an epoch`, async () => {
    const own = await openVariant(variant);
    if (!own) return console.log(`skipped: no subgroups for ${variant} kernels`);
    const model = smallModel(own, 5);
    const state = await readModel(own, model);
    const store = uploadImages(own, smallImages(4, 3));
    const settings = { ...SMALL_SETTINGS, batchSize: 4 };
    const trainer = createTrainer(own, model, { store }, CROSS_ENTROPY, settings);
    const kernels = trainer.program.dispatches.map(({ label }) => label);
    assert.ok(kernels.some((label) => label.startsWith(`convolution forward ${variant}`)));
    await trainer.runEpoch(0);
    for (const name of tensorNames(model)) {
      writeModel(own, model, state, "a sound model");
      own.write(trainer.velocity, new Float32Array(trainer.velocity.size / 4));
      spoil(own, model, name, NaN);
      await assert.rejects(trainer.runEpoch(0), TrainingError, name);
    }
    own.close();
  });

  Deno.test(`NaN or infinity in any tensor ends an evaluation with ${variant} kernels`, async () => {
    const own = await openVariant(variant);
    if (!own) return console.log(`skipped: no subgroups for ${variant} kernels`);
    const model = smallModel(own, 5);
    const state = await readModel(own, model);
    const store = uploadImages(own, smallImages(4, 3));
    const options = { preprocessing: PLAIN_PREPROCESSING };
    const evaluator = await createEvaluator(own, model, store, options);
    await evaluator.evaluate();
    for (const [i, name] of tensorNames(model).entries()) {
      writeModel(own, model, state, "a sound model");
      spoil(own, model, name, i % 2 === 0 ? NaN : -Infinity);
      await assert.rejects(
        evaluator.evaluate(),
        new ModelError(
          "cannot evaluate the model: a parameter or a running statistic is NaN or infinite, " +
            "expected finite numbers",
        ),
        name,
      );
    }
    own.close();
  });
}

Deno.test("finite weights whose logits overflow end an evaluation: 0 % would be no measurement", async () => {
  const model = smallModel(gpu, 5);
  const store = uploadImages(gpu, smallImages(4, 3));
  const evaluator = await createEvaluator(gpu, model, store, {
    preprocessing: PLAIN_PREPROCESSING,
  });
  const { location } = model.tensors.get("fc.weight")!;
  gpu.write(location!, new Float32Array(location!.size / 4).fill(3e38));
  await assert.rejects(
    evaluator.evaluate(),
    new ModelError(
      "cannot evaluate the model: a logit is NaN or infinite, expected finite numbers; its weights " +
        "are too large for these images",
    ),
  );
  evaluator[Symbol.dispose]();
});

Deno.test("a training that breaks in its second epoch leaves the snapshot of the first", async () => {
  const model = smallModel(gpu, 5);
  const store = uploadImages(gpu, smallImages(64, 3));
  const saved: number[] = [];
  const run = train(gpu, {
    model,
    images: { store },
    objective: CROSS_ENTROPY,
    settings: SMALL_SETTINGS,
    onEpoch: async (_metrics, take) => {
      saved.push((await take()).epoch);
      spoil(gpu, model, "conv1.weight", NaN);
    },
  });
  await assert.rejects(run, (error) => {
    assert.ok(error instanceof TrainingError, String(error));
    assert.match(error.message, /NaN.* in step 1 of epoch 2; a lower --lr may help$/);
    return true;
  });
  assert.deepEqual(saved, [1]);
});
