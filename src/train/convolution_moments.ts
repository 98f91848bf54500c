/** Mean and variance of what convolutions put out on clean images, for norms put back behind them. */

import type { Preprocessing } from "../../shaders/gather.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { ChannelMoments } from "../nn/graph_norms.ts";
import { type Model, recordForward } from "../nn/model.ts";
import { binary } from "../tensor/operations/functions.ts";
import { reduce } from "../tensor/operations/reduce.ts";
import { startEpoch } from "./batches.ts";
import type { ImageStore } from "./image_store.ts";
import { recordStep } from "./pass.ts";

/** Images a step. */
const BATCH_SIZE = 64;

/** Dimensions of (N,C,H,W) but the channels. */
const ALL_BUT_CHANNELS = [0, 2, 3];

/**
 * The moments of every tap of `model`, whose taps are the convolutions' outputs, over all whole
 * batches of `images`. Each batch's variance is taken about its own mean, and the batches are merged
 * in float64, so that large means cost no precision.
 */
export async function measureTaps(
  gpu: Gpu,
  model: Model,
  images: ImageStore,
  preprocessing: Preprocessing,
  signal?: AbortSignal,
): Promise<ChannelMoments[]> {
  const batchSize = Math.min(BATCH_SIZE, images.count);
  const batches = Math.floor(images.count / batchSize);
  using pass = recordStep(gpu, images, { batchSize, steps: 1, preprocessing }, (tape, { x }) => {
    const { taps } = recordForward(tape, model, x, "evaluation");
    return taps.map((tap) => {
      const mean = reduce(tape, tap, "mean", ALL_BUT_CHANNELS, true);
      const deviation = binary(tape, "subtract", tap, mean);
      const square = binary(tape, "multiply", deviation, deviation);
      const variance = reduce(tape, square, "mean", ALL_BUT_CHANNELS, true);
      return { mean: tape.keep(mean), variance: tape.keep(variance) };
    });
  });
  const { program, source, outputs } = pass;
  program.prepare();
  const sums = outputs.map(({ mean: { shape } }) => ({
    mean: new Float64Array(shape[1]!),
    square: new Float64Array(shape[1]!),
  }));
  for (let batch = 0; batch < batches; batch++) {
    signal?.throwIfAborted();
    const indices = Uint32Array.from({ length: batchSize }, (_, i) => batch * batchSize + i);
    startEpoch(gpu, source, { epoch: 0, seed: 0, indices });
    await program.run();
    for (const [i, { mean, variance }] of outputs.entries()) {
      const [means, variances] = [await program.read(mean), await program.read(variance)];
      for (const [c, each] of means.entries()) {
        sums[i]!.mean[c]! += each / batches;
        sums[i]!.square[c]! += (variances[c]! + each * each) / batches;
      }
    }
  }
  return sums.map(({ mean, square }) => ({
    mean,
    variance: square.map((each, c) => Math.max(0, each - mean[c]! * mean[c]!)),
  }));
}
