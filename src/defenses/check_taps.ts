/** A guard against the commonest mistake with attention distillation: maps that say nothing. */

import type { AttentionOperator } from "../../shaders/attention.ts";
import { NO_AUGMENTATION } from "../../shaders/gather.ts";
import { ModelError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { type Model, tensorLookup } from "../nn/model.ts";
import { attentionMap } from "../tensor/operations/attention.ts";
import { buildProgram } from "../tensor/program.ts";
import { Tape } from "../tensor/tape.ts";
import { createBatchSource, gatherBatch, startEpoch } from "../train/batches.ts";
import type { ImageStore } from "../train/image_store.ts";
import type { TrainingSettings } from "../train/trainer.ts";

/** Spread of a map, relative to its largest value, below which it counts as constant. */
const LEAST_SPREAD = 1e-5;

/**
 * True where every sample's map (N,P) is the same at all its pixels: once normalised it is constant,
 * and the attention loss would be zero whatever the network does.
 */
export function isSpatiallyConstant(maps: Float32Array, samples: number): boolean {
  const pixels = maps.length / samples;
  for (let n = 0; n < samples; n++) {
    const map = maps.subarray(n * pixels, (n + 1) * pixels);
    const largest = map.reduce((a, b) => Math.max(a, b), 0);
    const least = map.reduce((a, b) => Math.min(a, b), Infinity);
    if (largest - least > LEAST_SPREAD * largest) return false;
  }
  return true;
}

/**
 * Looks at the attention of the first `batchSize` images (with that of the training, the kernels are
 * the same).
 *
 * @throws {ModelError} naming a tap whose maps are spatially constant.
 */
export async function checkTaps(
  gpu: Gpu,
  model: Model,
  images: ImageStore,
  operator: AttentionOperator,
  { batchSize, preprocessing }: Pick<TrainingSettings, "batchSize" | "preprocessing">,
): Promise<void> {
  const samples = Math.min(batchSize, images.count);
  const source = createBatchSource(gpu, images, { batchSize: samples, steps: 1 });
  startEpoch(gpu, source, {
    epoch: 0,
    seed: 0,
    indices: Uint32Array.from({ length: samples }, (_, i) => i),
  });
  const tape = new Tape(gpu.capabilities);
  const { x } = gatherBatch(tape, images, source, NO_AUGMENTATION, preprocessing);
  const { taps } = model.architecture.forward(tape, tensorLookup(model), x, "evaluation");
  const maps = taps.map((tap) => tape.keep(attentionMap(tape, tap, operator)));
  const program = buildProgram(gpu, tape);
  try {
    program.prepare();
    program.run();
    for (const [i, map] of maps.entries()) {
      if (isSpatiallyConstant(await program.read(map), samples)) {
        throw new ModelError(
          `cannot distil the attention of tap ${i + 1} of ${model.architecture.name}: its map is ` +
            `the same at every pixel of all ${samples} images tried, so the loss would be zero; ` +
            "tap an activation before pooling",
        );
      }
    }
  } finally {
    program.destroy();
    for (const range of source.owned) gpu.destroyBuffer(range);
  }
}
