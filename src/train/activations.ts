/** The inputs of a network's last layer, for every image. */

import type { Preprocessing } from "../../shaders/gather.ts";
import { collectRowsKernel } from "../../shaders/metrics.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { type Model, recordForward } from "../nn/model.ts";
import { startEpoch } from "./batches.ts";
import { EVALUATION_BATCH_SIZE } from "./evaluate.ts";
import type { ImageStore } from "./image_store.ts";
import { recordPass } from "./pass.ts";
import { runSteps } from "./run_steps.ts";

/**
 * The features of every image, in evaluation mode, (N,C) in C order.
 *
 * @throws {Interrupted} when the signal is aborted.
 */
export async function lastActivations(
  gpu: Gpu,
  model: Model,
  images: ImageStore,
  options: { preprocessing: Preprocessing; signal?: AbortSignal | undefined },
): Promise<{ values: Float32Array<ArrayBuffer>; channels: number }> {
  const { count } = images;
  const batchSize = Math.min(EVALUATION_BATCH_SIZE, count);
  const steps = Math.ceil(count / batchSize);
  const { preprocessing, signal } = options;
  using pass = recordPass(
    gpu,
    images,
    { batchSize, steps, preprocessing },
    (tape, { x }, { state }) => {
      const { features } = recordForward(tape, model, x, "evaluation");
      const [, channels = 0] = features.shape;
      const all = tape.keep(tape.transient([count, channels], "activations of all images"));
      tape.run(collectRowsKernel(batchSize, channels, count), [features, state], [all]);
      return { all, channels };
    },
  );
  const { program, source, outputs: { all, channels } } = pass;
  const indices = Uint32Array.from({ length: steps * batchSize }, (_, i) => i < count ? i : 0);
  startEpoch(gpu, source, { epoch: 0, seed: 0, indices });
  program.prepare();
  await runSteps(gpu, program, steps, { signal });
  return { values: await program.read(all), channels };
}
