/** The inputs of a network's last layer, for every image. */

import { NO_AUGMENTATION, type Preprocessing } from "../../shaders/gather.ts";
import { advanceKernel, collectRowsKernel } from "../../shaders/metrics.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { type Model, tensorLookup } from "../nn/model.ts";
import { buildProgram } from "../tensor/program.ts";
import { Tape } from "../tensor/tape.ts";
import { createBatchSource, gatherBatch, startEpoch } from "./batches.ts";
import { EVALUATION_BATCH_SIZE } from "./evaluate.ts";
import type { ImageStore } from "./image_store.ts";
import { runSteps } from "./run_steps.ts";

/**
 * Pooled activations of the last channels, in evaluation mode, (N,C) in C order.
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
  const source = createBatchSource(gpu, images, { batchSize, steps });
  const tape = new Tape(gpu.capabilities);
  const { x } = gatherBatch(tape, images, source, NO_AUGMENTATION, options.preprocessing);
  const { features } = model.architecture.forward(tape, tensorLookup(model), x, "evaluation");
  const [, channels = 0] = features.shape;
  const all = tape.keep(tape.transient([count, channels], "activations of all images"));
  tape.run(collectRowsKernel(batchSize, channels, count), [features, source.state], [all]);
  tape.run(advanceKernel(), [], [source.state]);
  const program = buildProgram(gpu, tape);
  try {
    const indices = Uint32Array.from({ length: steps * batchSize }, (_, i) => i < count ? i : 0);
    startEpoch(gpu, source, { epoch: 0, seed: 0, indices });
    program.prepare();
    await runSteps(gpu, program, steps, { signal: options.signal });
    return { values: await program.read(all), channels };
  } finally {
    program.destroy();
    for (const range of source.owned) gpu.destroyBuffer(range);
  }
}
