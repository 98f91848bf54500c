/** A whole training run of the small model. */

import type { StateDict } from "../../src/formats/host_tensor.ts";
import { readModel } from "../../src/nn/model.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { CROSS_ENTROPY } from "../../src/train/objectives.ts";
import { decodeSnapshot, encodeSnapshot } from "../../src/runs/snapshot_file.ts";
import { type PhaseSnapshot, train } from "../../src/train/train.ts";
import type { TrainingSettings } from "../../src/train/trainer.ts";
import { gpu } from "../gpu/device.ts";
import { SMALL_SETTINGS, smallImages, smallModel } from "./small.ts";

/** Trains a fresh model from `resume` or from the beginning; snapshots are as files bring them back. */
export async function trainSmall(
  settings: Partial<TrainingSettings>,
  resume?: PhaseSnapshot,
): Promise<{ start: StateDict; state: StateDict; snapshots: PhaseSnapshot[] }> {
  const store = uploadImages(gpu, smallImages(64, 3));
  const model = smallModel(gpu, 1);
  const start = await readModel(gpu, model);
  const snapshots: PhaseSnapshot[] = [];
  await train(gpu, {
    model,
    images: { store },
    objective: CROSS_ENTROPY,
    settings: { ...SMALL_SETTINGS, ...settings },
    resume,
    onEpoch: async (_metrics, take) => {
      const bytes = await encodeSnapshot({ phase: "student", ...await take() });
      snapshots.push((await decodeSnapshot(bytes, "a snapshot")).snapshot);
    },
  });
  const state = await readModel(gpu, model);
  model[Symbol.dispose]();
  store[Symbol.dispose]();
  return { start, state, snapshots };
}
