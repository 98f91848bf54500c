/** The kernels of GPUs train and erase, within the guaranteed minimum limits: here on any adapter. */

import assert from "node:assert/strict";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { readModel } from "../../src/nn/model.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { CROSS_ENTROPY } from "../../src/train/objectives.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { defendSmall } from "../defenses/small_defense.ts";
import { openVariant } from "../gpu/variants.ts";
import { SMALL_SETTINGS, smallImages, smallModel } from "./small.ts";

/** Losses of ten steps, and the network that they lead to. */
async function tenSteps(gpu: Gpu): Promise<{ losses: number[]; state: StateDict }> {
  const model = smallModel(gpu, 5);
  const store = uploadImages(gpu, smallImages(160, 3));
  const settings = { ...SMALL_SETTINGS, augmentation: { cropPadding: 1, flip: true, cutout: 3 } };
  const trainer = createTrainer(gpu, model, { store }, CROSS_ENTROPY, settings);
  const { losses } = await trainer.runEpoch(0);
  return { losses: [...losses], state: await readModel(gpu, model) };
}

Deno.test("ten steps with tiled kernels have the losses of plain ones", async () => {
  const [tiled, plain] = [(await openVariant("tiled"))!, (await openVariant("plain"))!];
  const [found, expected] = [await tenSteps(tiled), await tenSteps(plain)];
  assert.equal(found.losses.length, 10);
  for (const [step, loss] of found.losses.entries()) {
    const wanted = expected.losses[step]!;
    assert.ok(Math.abs(loss - wanted) <= 1e-4, `step ${step + 1}: ${loss}, plain ${wanted}`);
  }
  assert.ok(found.losses.at(-1)! < found.losses[0]!, "it learns");
  tiled.close();
  plain.close();
});

Deno.test("an erasure with tiled kernels under the minimum limits trains a teacher that works and a sound student", async () => {
  const tiled = (await openVariant("tiled"))!;
  assert.equal(tiled.adapter.limits.maxStorageBuffersPerShaderStage, 8);
  assert.deepEqual(tiled.adapter.features, []);
  const { state, evaluations, phases } = await defendSmall("nad", {}, {}, tiled);
  assert.deepEqual(phases, ["teacher", "student"]);
  for (const [name, { data }] of state) {
    assert.ok([...data].every((value) => Number.isFinite(Number(value))), name);
  }
  assert.ok(evaluations.get("teacher")!.accuracy! > evaluations.get("before")!.accuracy!);
  tiled.close();
});
