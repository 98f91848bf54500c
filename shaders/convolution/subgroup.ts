/**
 * Convolution for drivers whose memory accesses are slow and whose subgroup broadcasts are free:
 * software drivers such as Mesa's llvmpipe. See `lanes.ts` for the machine model.
 */

import { imageKernel } from "./subgroup_image.ts";
import {
  candidatePlans,
  forwardProblem,
  type ImageProblem,
  inputGradientProblem,
} from "./subgroup_plan.ts";
import { MAXIMUM_ACCUMULATORS, MAXIMUM_FUSED_ACCUMULATORS } from "./subgroup_cost.ts";
import { weightGradientKernel } from "./subgroup_weights.ts";
import { candidateWeightPlans } from "./subgroup_weights_plan.ts";
import { lanesOf } from "./lanes.ts";
import type { Epilogue } from "./subgroup_epilogue.ts";
import type { KernelCapabilities } from "../kernel.ts";
import type { ConvolutionUse } from "./use.ts";
import type { ConvolutionVariant, ImageKernel } from "./variant.ts";

function* imageKernels(
  use: ConvolutionUse,
  problem: ImageProblem,
  capabilities: KernelCapabilities,
  normalise: boolean,
  epilogue: Epilogue,
): Iterable<ImageKernel> {
  const lanes = lanesOf(capabilities);
  if (lanes === undefined) return;
  const small = epilogue.add || epilogue.normalised;
  const limit = small ? MAXIMUM_FUSED_ACCUMULATORS : MAXIMUM_ACCUMULATORS;
  for (const plan of candidatePlans(problem, lanes, limit)) {
    const { rows, laneGroups } = plan.tile;
    const tile = `${rows} rows x ${lanes * laneGroups}`;
    yield imageKernel({ ...use, variant: "subgroup", tile }, problem, plan, normalise, epilogue);
  }
}

/** Kernels for subgroups of 8 or 16 lanes; none where they are of another size. */
export const subgroup: ConvolutionVariant = {
  name: "subgroup",
  forward: (geometry, capabilities, fusion = {}) => {
    const use = { direction: "forward", geometry, fusion } as const;
    const { normaliseInput = false, addResidual = false, statistics = false } = fusion;
    const epilogue = { add: addResidual, statistics, normalised: false };
    return imageKernels(use, forwardProblem(geometry), capabilities, normaliseInput, epilogue);
  },
  inputGradient: (geometry, capabilities, fusion = {}) => {
    const use = { direction: "inputGradient", geometry, fusion } as const;
    const { addAddend = false, normalised = false } = fusion;
    const epilogue = { add: addAddend, statistics: false, normalised };
    return imageKernels(use, inputGradientProblem(geometry), capabilities, false, epilogue);
  },
  *weightGradient(geometry, capabilities, fusion = {}) {
    const lanes = lanesOf(capabilities);
    if (lanes === undefined) return;
    for (const plan of candidateWeightPlans(geometry, lanes)) {
      yield weightGradientKernel(geometry, plan, fusion);
    }
  },
};
