/** The geometry of a weight-gradient kernel for subgroups, and which tile is best. */

import { groupsOf } from "../kernel.ts";
import { type Lanes, type VectorSize, vectorSize } from "./lanes.ts";
import {
  compilationTime,
  COST,
  type Estimate,
  MAXIMUM_ACCUMULATORS,
  MAXIMUM_PRODUCTS,
  rank,
} from "./subgroup_cost.ts";
import { type ConvolutionGeometry, outputExtent } from "./use.ts";

/** What one invocation computes: all taps of these channels. */
export interface WeightTile {
  /** Of a subgroup, each with an output channel. */
  readonly lanes: Lanes;
  /** Input channels. */
  readonly channels: number;
  /** Groups of `lanes` output channels. */
  readonly laneGroups: number;
}

/** Everything that the text of a kernel depends on. */
export interface WeightPlan {
  readonly tile: WeightTile;
  /** Rows of x, of the R that an output row meets, that the output row before has met too. */
  readonly keptRows: number;
  /** Slots of one row of one channel. */
  readonly slotsPerRow: number;
  /** Loads of `lanes` slots for one row of all channels of the tile. */
  readonly loadsPerRow: number;
  readonly inputVector: VectorSize;
  readonly gradientVector: VectorSize;
  readonly resultVector: VectorSize;
  readonly imagesPerPart: number;
  readonly parts: number;
  /** Multiply-adds of one output row. */
  readonly products: number;
}

/** Invocations that are enough to share the work evenly; more parts cost memory and a longer sum. */
const INVOCATIONS = 128;

/** Settles `tile` for `geometry`. */
export function weightPlanOf(geometry: ConvolutionGeometry, tile: WeightTile): WeightPlan {
  const { batch, inChannels, width, outChannels, kernelSize, stride, padding } = geometry;
  const out = outputExtent(geometry);
  const taps = kernelSize ** 2;
  const inputVector = vectorSize(width);
  const slotsPerRow = width / inputVector;
  const groups = groupsOf(inChannels, tile.channels) *
    groupsOf(outChannels, tile.lanes * tile.laneGroups);
  const imagesPerPart = groupsOf(batch, Math.min(batch, groupsOf(INVOCATIONS, groups)));
  let columnPairs = 0;
  for (let ox = 0; ox < out.width; ox++) {
    for (let kx = 0; kx < kernelSize; kx++) {
      const column = ox * stride + kx - padding;
      if (column >= 0 && column < width) columnPairs++;
    }
  }
  return {
    tile,
    keptRows: Math.max(0, kernelSize - stride),
    slotsPerRow,
    loadsPerRow: groupsOf(tile.channels * slotsPerRow, tile.lanes),
    inputVector,
    gradientVector: vectorSize(out.width),
    resultVector: inChannels % tile.channels === 0
      ? vectorSize(tile.channels * taps, inChannels * taps)
      : 1,
    imagesPerPart,
    parts: groupsOf(batch, imagesPerPart),
    products: columnPairs * kernelSize * tile.channels * tile.laneGroups,
  };
}

/** Estimated cost of the kernel for `plan`. */
export function estimateWeights(geometry: ConvolutionGeometry, plan: WeightPlan): Estimate {
  const { batch, inChannels, outChannels, kernelSize } = geometry;
  const out = outputExtent(geometry);
  const { tile, inputVector, gradientVector } = plan;
  const gradients = tile.laneGroups * out.width / gradientVector;
  const inputs = (kernelSize - plan.keptRows) * plan.loadsPerRow;
  const accumulators = tile.laneGroups * tile.channels * kernelSize ** 2;
  const rowTime = COST.ownLoad[gradientVector] * gradients + COST.sharedLoad[inputVector] * inputs +
    COST.product * plan.products + COST.accumulator * accumulators;
  const invocations = groupsOf(inChannels, tile.channels) *
    groupsOf(outChannels, tile.lanes * tile.laneGroups);
  return {
    time: invocations * batch * out.height * rowTime,
    compilation: compilationTime(
      plan.products,
      gradients + inputs,
      accumulators / plan.resultVector,
    ),
  };
}

/** Input channels of a tile. */
const CHANNELS: readonly number[] = [1, 2, 3, 4, 6, 8, 12, 16];

/** Plans for `geometry`, the one that should be fastest first; empty where none is small. */
export function candidateWeightPlans(geometry: ConvolutionGeometry, lanes: Lanes): WeightPlan[] {
  const { inChannels, outChannels, kernelSize } = geometry;
  const candidates: WeightPlan[] = [];
  for (const laneGroups of [1, 2, 4]) {
    if (laneGroups > groupsOf(outChannels, lanes)) continue;
    for (const channels of CHANNELS) {
      if (channels > inChannels) continue;
      if (channels * laneGroups * kernelSize ** 2 > MAXIMUM_ACCUMULATORS) continue;
      const plan = weightPlanOf(geometry, { lanes, laneGroups, channels });
      if (plan.products <= MAXIMUM_PRODUCTS) candidates.push(plan);
    }
  }
  return rank(candidates, (plan) => estimateWeights(geometry, plan));
}
