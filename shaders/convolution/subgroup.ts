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
import type { ConvolutionVariant, ImageKernel, KernelCapabilities } from "./variant.ts";

function* imageKernels(
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
    yield imageKernel(problem, plan, normalise, epilogue);
  }
}

/** Kernels for subgroups of 8 or 16 lanes; none where they are of another size. */
export const subgroup: ConvolutionVariant = {
  name: "subgroup",
  forward: (geometry, capabilities, fusion = {}) =>
    imageKernels(forwardProblem(geometry), capabilities, fusion.normaliseInput ?? false, {
      add: fusion.addResidual ?? false,
      statistics: fusion.statistics ?? false,
      normalised: false,
    }),
  inputGradient: (geometry, capabilities, fusion = {}) =>
    imageKernels(inputGradientProblem(geometry), capabilities, false, {
      add: fusion.addAddend ?? false,
      statistics: false,
      normalised: fusion.normalised ?? false,
    }),
  *weightGradient(geometry, capabilities, fusion = {}) {
    const lanes = lanesOf(capabilities);
    if (lanes === undefined) return;
    for (const plan of candidateWeightPlans(geometry, lanes)) {
      yield weightGradientKernel(geometry, plan, fusion.normaliseInput ?? false);
    }
  },
};
