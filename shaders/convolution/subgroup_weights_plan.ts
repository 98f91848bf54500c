/** The geometry of a weight-gradient kernel for subgroups, and which tile is best. */

import { groupsOf } from "../kernel.ts";
import { divisors, LANES, type VectorSize, vectorSize } from "./lanes.ts";
import { COST, MAXIMUM_ACCUMULATORS, MAXIMUM_PRODUCTS } from "./subgroup_plan.ts";
import { type ConvolutionGeometry, outputExtent } from "./variant.ts";

/** What one invocation computes, and how many output rows it takes in one step. */
export interface WeightTile {
  /** Output rows of one step; divides their number. */
  readonly rows: number;
  /** Input channels. */
  readonly channels: number;
  /** Groups of 8 output channels. */
  readonly laneGroups: number;
}

/** Everything that the text of a kernel depends on. */
export interface WeightPlan {
  readonly tile: WeightTile;
  /** Rows of x that one step meets. */
  readonly windowRows: number;
  /** Rows at the top of the window that the step before has met too. */
  readonly keptRows: number;
  /** Slots of one row of one channel. */
  readonly slotsPerRow: number;
  /** Loads of 8 slots for one row of all channels of the tile. */
  readonly loadsPerRow: number;
  readonly inputVector: VectorSize;
  readonly gradientVector: VectorSize;
  readonly resultVector: VectorSize;
  readonly imagesPerPart: number;
  readonly parts: number;
  /** Multiply-adds in one step. */
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
    groupsOf(outChannels, LANES * tile.laneGroups);
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
    windowRows: (tile.rows - 1) * stride + kernelSize,
    keptRows: Math.max(0, kernelSize - stride),
    slotsPerRow,
    loadsPerRow: groupsOf(tile.channels * slotsPerRow, LANES),
    inputVector,
    gradientVector: vectorSize(tile.rows * out.width, out.height * out.width),
    resultVector: inChannels % tile.channels === 0
      ? vectorSize(tile.channels * taps, inChannels * taps)
      : 1,
    imagesPerPart,
    parts: groupsOf(batch, imagesPerPart),
    products: columnPairs * kernelSize * tile.rows * tile.channels * tile.laneGroups,
  };
}

/** Estimated time of the whole kernel on one core, nanoseconds. */
export function estimateWeights(geometry: ConvolutionGeometry, plan: WeightPlan): number {
  const { batch, inChannels, outChannels, kernelSize } = geometry;
  const out = outputExtent(geometry);
  const { tile } = plan;
  const gradients = tile.laneGroups * tile.rows * out.width / plan.gradientVector;
  const inputs = (plan.windowRows - plan.keptRows) * plan.loadsPerRow;
  const step = COST.round + COST.load[plan.gradientVector] * gradients +
    COST.load[plan.inputVector] * inputs +
    COST.accumulator * plan.keptRows * plan.loadsPerRow * plan.inputVector +
    COST.product * (plan.products + plan.products / kernelSize / tile.laneGroups / 2) +
    COST.accumulator * tile.laneGroups * tile.channels * kernelSize ** 2;
  const invocations = groupsOf(inChannels, tile.channels) *
    groupsOf(outChannels, LANES * tile.laneGroups);
  return invocations * batch * out.height / tile.rows * step;
}

/** Plans for `geometry`, the one with the lowest estimated time first; empty where none is small. */
export function candidateWeightPlans(geometry: ConvolutionGeometry): WeightPlan[] {
  const { inChannels, outChannels, kernelSize } = geometry;
  const { height } = outputExtent(geometry);
  const candidates: WeightPlan[] = [];
  for (const rows of divisors(height, 8)) {
    for (const laneGroups of [1, 2, 4]) {
      if (laneGroups > groupsOf(outChannels, LANES)) continue;
      for (const channels of [1, 2, 3, 4, 6, 8, 12, 16]) {
        if (channels > inChannels) continue;
        if (channels * laneGroups * kernelSize ** 2 > MAXIMUM_ACCUMULATORS) continue;
        const plan = weightPlanOf(geometry, { rows, laneGroups, channels });
        if (plan.products <= MAXIMUM_PRODUCTS) candidates.push(plan);
      }
    }
  }
  const times = new Map(candidates.map((plan) => [plan, estimateWeights(geometry, plan)]));
  return candidates.sort((a, b) => times.get(a)! - times.get(b)!);
}
