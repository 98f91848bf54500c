/** Attention maps of a network, to be looked at. */

import type { AttentionOperator } from "../../shaders/attention.ts";
import type { Preprocessing } from "../../shaders/gather.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { type Model, recordForward } from "../nn/model.ts";
import { attentionMap } from "../tensor/operations/attention.ts";
import { startEpoch } from "../train/batches.ts";
import { EVALUATION_BATCH_SIZE } from "../train/evaluate.ts";
import type { ImageStore } from "../train/image_store.ts";
import { recordStep } from "../train/pass.ts";

/** The maps of one tap for a few images. */
export interface AttentionMaps {
  /** H, positions of the tap. */
  readonly height: number;
  /** W, positions of the tap. */
  readonly width: number;
  /** One map an image, (N) of (H,W), not normalised. */
  readonly maps: readonly Float32Array[];
}

/**
 * The attention at each tap of `model` for a few images.
 *
 * @param places Which images, at most {@linkcode EVALUATION_BATCH_SIZE}.
 */
export async function attentionMaps(
  gpu: Gpu,
  model: Model,
  images: ImageStore,
  places: readonly number[],
  { operator, preprocessing }: { operator: AttentionOperator; preprocessing: Preprocessing },
): Promise<AttentionMaps[]> {
  // As large a batch as evaluation has, whose kernels are compiled already.
  const batchSize = Math.min(EVALUATION_BATCH_SIZE, images.count);
  const shape = { batchSize, steps: 1, preprocessing };
  using pass = recordStep(gpu, images, shape, (tape, { x }) => {
    const { taps } = recordForward(tape, model, x, "evaluation");
    return taps.map((tap) => tape.keep(attentionMap(tape, tap, operator)));
  });
  const { program, source, outputs: maps } = pass;
  startEpoch(gpu, source, { epoch: 0, seed: 0, indices: Uint32Array.from(places) });
  program.prepare();
  program.run();
  const found: AttentionMaps[] = [];
  for (const map of maps) {
    const [, , height = 0, width = 0] = map.shape;
    const values = await program.read(map);
    const area = height * width;
    found.push({
      height,
      width,
      maps: places.map((_, i) => values.slice(i * area, (i + 1) * area)),
    });
  }
  return found;
}
