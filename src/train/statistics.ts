/** New running statistics for a network whose parameters have changed without training. */

import { RandomPurpose, RandomStream, shuffle } from "../data/random.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { type Model, recordForward } from "../nn/model.ts";
import { startEpoch } from "./batches.ts";
import type { ImageStore } from "./image_store.ts";
import { recordPass } from "./pass.ts";
import { runSteps } from "./run_steps.ts";
import { stepsPerEpoch, type TrainingSettings } from "./trainer.ts";

/** Steps after which the statistics that were there before weigh 0.9^60, below 0.2 %. */
const STEPS = 60;

/**
 * Runs images through `model` in training mode until its batch norms know the mean and variance of
 * what they now see; parameters stay. Izmailov et al., "Averaging Weights Leads to Wider Optima and
 * Better Generalization" (2018), section 3.3, do so with a plain mean in place of batch norm's own
 * moving one.
 *
 * @throws {Interrupted} when the signal is aborted.
 */
export async function estimateStatistics(
  gpu: Gpu,
  model: Model,
  images: ImageStore,
  settings: Pick<TrainingSettings, "batchSize" | "augmentation" | "preprocessing" | "seed">,
  signal?: AbortSignal,
): Promise<void> {
  const { batchSize, seed } = settings;
  const perPass = stepsPerEpoch(images.count, batchSize) * batchSize;
  const { augmentation, preprocessing } = settings;
  const shape = { batchSize, steps: STEPS, augmentation, preprocessing };
  using pass = recordPass(gpu, images, shape, (tape, { x }) => {
    recordForward(tape, model, x, "training");
  });
  const indices = new Uint32Array(STEPS * batchSize);
  for (let first = 0; first < indices.length; first += perPass) {
    const order = shuffle(images.count, new RandomStream(seed, RandomPurpose.order, first));
    indices.set(order.subarray(0, Math.min(perPass, indices.length - first)), first);
  }
  startEpoch(gpu, pass.source, { epoch: 0, seed, indices });
  pass.program.prepare();
  await runSteps(gpu, pass.program, STEPS, { signal });
}
