/**
 * Convolution for GPUs: every direction is a matrix product whose operands are gathered on the way
 * into workgroup memory (see `tiled_matrix.ts`), within WebGPU's guaranteed minimum limits.
 *
 * | direction       | rows m | columns n | sum over r |
 * |-----------------|--------|-----------|------------|
 * | forward         | K      | N, OH, OW | C, R, R    |
 * | input gradient  | C      | N, H, W   | K, R, R    |
 * | weight gradient | K      | C, R, R   | N, OH, OW  |
 */

import { stagedForward, stagedInputGradient } from "./tiled_staged.ts";
import { tiledForward, tiledInputGradient } from "./tiled_images.ts";
import { tiledWeightGradient } from "./tiled_weights.ts";
import type { ConvolutionVariant } from "./variant.ts";

/** A software driver gains nothing from what is fetched early: the shorter text comes first there. */
const inOrder = <T>(software: boolean, staged: T, general: T) =>
  software ? [general, staged] : [staged, general];

/** Kernels for any GPU. */
export const tiled: ConvolutionVariant = {
  name: "tiled",
  *forward(geometry, { software = false }, fusion = {}) {
    for (const write of inOrder(software, stagedForward, tiledForward)) {
      const kernel = write(geometry, fusion);
      if (kernel) yield kernel;
    }
  },
  *inputGradient(geometry, { software = false }, fusion = {}) {
    for (const write of inOrder(software, stagedInputGradient, tiledInputGradient)) {
      const kernel = write(geometry, fusion);
      if (kernel) yield kernel;
    }
  },
  *weightGradient(geometry, _capabilities, fusion = {}) {
    yield tiledWeightGradient(geometry, fusion);
  },
};
