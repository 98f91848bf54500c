/** A guard against the commonest mistake with attention distillation: maps that say nothing. */

import type { AttentionOperator } from "../../shaders/attention.ts";
import { ModelError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { type Model, recordForward } from "../nn/model.ts";
import { attentionMap } from "../tensor/operations/attention.ts";
import { startEpoch } from "../train/batches.ts";
import type { ImageStore } from "../train/image_store.ts";
import { recordStep } from "../train/pass.ts";
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
  const shape = { batchSize: samples, steps: 1, preprocessing };
  using pass = recordStep(gpu, images, shape, (tape, { x }) => {
    const { taps } = recordForward(tape, model, x, "evaluation");
    return taps.map((tap) => tape.keep(attentionMap(tape, tap, operator)));
  });
  const { program, source, outputs: maps } = pass;
  startEpoch(gpu, source, {
    epoch: 0,
    seed: 0,
    indices: Uint32Array.from({ length: samples }, (_, i) => i),
  });
  program.prepare();
  program.run();
  for (const [i, map] of maps.entries()) {
    if (!isSpatiallyConstant(await program.read(map), samples)) continue;
    throw new ModelError(
      `cannot distil the attention of tap ${i + 1} of ${model.architecture.name}: its map is ` +
        `the same at every pixel of all ${samples} images tried, so the loss would be zero; ` +
        "tap an activation before pooling",
    );
  }
}
