/** New running statistics for a network whose parameters have changed without training. */

import { RandomPurpose, RandomStream, shuffle } from "../data/random.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Architecture } from "../nn/architecture.ts";
import { type Model, recordForward } from "../nn/model.ts";
import { startEpoch } from "./batches.ts";
import type { ImageStore } from "./image_store.ts";
import { recordPass } from "./pass.ts";
import { runSteps } from "./run_steps.ts";
import { stepsPerEpoch, type TrainingSettings } from "./trainer.ts";

/** Share that the statistics that were there before may keep: 0.9^60, that of 60 usual steps. */
const SHARE_KEPT = 0.9 ** 60;

/** Steps after which that little is left of what was there before, with the slowest batch norm. */
function stepsOf({ norms }: Architecture): number {
  return norms.reduce((steps, { momentum }) => {
    const needed = Math.log(SHARE_KEPT) / Math.log(1 - Math.min(momentum, 0.999));
    return Math.max(steps, Math.round(needed));
  }, 0);
}

/**
 * Runs images through `model` in training mode until its batch norms know the mean and variance of
 * what they now see; parameters stay. Izmailov et al., "Averaging Weights Leads to Wider Optima and
 * Better Generalization" (2018), section 3.3, do so with a plain mean in place of batch norm's own
 * moving one. A network without batch norms is left as it is.
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
  const steps = stepsOf(model.architecture);
  if (steps === 0) return;
  const perPass = stepsPerEpoch(images.count, batchSize) * batchSize;
  const { augmentation, preprocessing } = settings;
  const shape = { batchSize, steps, augmentation, preprocessing };
  using pass = recordPass(gpu, images, shape, (tape, { x }) => {
    recordForward(tape, model, x, "training");
  });
  const indices = new Uint32Array(steps * batchSize);
  for (let first = 0; first < indices.length; first += perPass) {
    const order = shuffle(images.count, new RandomStream(seed, RandomPurpose.order, first));
    indices.set(order.subarray(0, Math.min(perPass, indices.length - first)), first);
  }
  startEpoch(gpu, pass.source, { epoch: 0, seed, indices });
  pass.program.prepare();
  await runSteps(gpu, pass.program, steps, { signal });
}
