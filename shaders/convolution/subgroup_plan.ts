/**
 * The geometry of one image kernel for subgroups, settled before any WGSL is written: which products
 * each pixel of a tile needs, which source pixels that takes, and which tile is best.
 */

import { groupsOf } from "../kernel.ts";
import { divisors, type Lanes, type VectorSize, vectorSize } from "./lanes.ts";
import {
  compilationTime,
  COST,
  type Estimate,
  MAXIMUM_ACCUMULATORS,
  MAXIMUM_PRODUCTS,
  rank,
} from "./subgroup_cost.ts";
import { type ConvolutionGeometry, outputExtent } from "./use.ts";

/** Channels, height and width of one image. */
export interface Extent {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** One product along one axis: the index of the tap and the source position that it meets. */
export interface AxisProduct {
  readonly tap: number;
  readonly position: number;
}

/** A convolution as destination pixels that are sums over source pixels. */
export interface ImageProblem {
  readonly direction: "forward" | "input gradient";
  readonly batch: number;
  readonly source: Extent;
  readonly destination: Extent;
  /** R */
  readonly kernelSize: number;
  /** Floats between the weights of neighbouring destination and source channels. */
  readonly weightStride: { readonly destination: number; readonly source: number };
  /** Products along one axis of destination position `d`; positions may lie outside the source. */
  axisProducts(d: number): AxisProduct[];
  /** `axisProducts(d + period)` is `axisProducts(d)` moved by `advance` positions. */
  readonly period: number;
  /** See `period`. */
  readonly advance: number;
}

/** What one invocation computes. */
export interface ImageTile {
  /** Of a subgroup, each with a destination channel. */
  readonly lanes: Lanes;
  /** Destination rows; divides their number. */
  readonly rows: number;
  /** Groups of `lanes` destination channels. */
  readonly laneGroups: number;
}

/** Forward: y is the destination, x the source. */
export function forwardProblem(geometry: ConvolutionGeometry): ImageProblem {
  const { batch, inChannels, outChannels, kernelSize, stride, padding } = geometry;
  const { height, width } = geometry;
  return {
    direction: "forward",
    batch,
    source: { channels: inChannels, height, width },
    destination: { channels: outChannels, ...outputExtent(geometry) },
    kernelSize,
    weightStride: { destination: inChannels * kernelSize ** 2, source: kernelSize ** 2 },
    axisProducts: (d) =>
      Array.from({ length: kernelSize }, (_, tap) => ({
        tap,
        position: d * stride + tap - padding,
      })),
    period: 1,
    advance: stride,
  };
}

/** Input gradient: dx is the destination, dy the source; position o meets d = stride o + tap - P. */
export function inputGradientProblem(geometry: ConvolutionGeometry): ImageProblem {
  const { batch, inChannels, outChannels, kernelSize, stride, padding } = geometry;
  const { height, width } = geometry;
  return {
    direction: "input gradient",
    batch,
    source: { channels: outChannels, ...outputExtent(geometry) },
    destination: { channels: inChannels, height, width },
    kernelSize,
    weightStride: { destination: kernelSize ** 2, source: inChannels * kernelSize ** 2 },
    axisProducts: (d) =>
      Array.from({ length: kernelSize }, (_, tap) => ({
        tap,
        position: (d + padding - tap) / stride,
      })).filter(({ position }) => Number.isInteger(position)),
    period: stride,
    advance: 1,
  };
}

/** Everything that the text of a kernel depends on. */
export interface ImagePlan {
  readonly tile: ImageTile;
  /** Tiles of an image, one below the other. */
  readonly tiles: number;
  /** Products of each row of a tile; positions count from the first row of the window. */
  readonly rows: readonly AxisProduct[][];
  /** Products of each column, inside the source. */
  readonly columns: readonly AxisProduct[][];
  /** First slot of the window of the first tile; negative where that begins above the source. */
  readonly firstSlot: number;
  /** Slots from the window of one tile to that of the next. */
  readonly slotsPerTile: number;
  /** Loads of `lanes` slots that hold the window. */
  readonly loads: readonly { readonly used: boolean; readonly masked: boolean }[];
  readonly sourceVector: VectorSize;
  readonly destinationVector: VectorSize;
  /** Loads of the taps of one lane, and floats of each: vectors pay from 4 taps on. */
  readonly weights: { readonly loads: number; readonly size: VectorSize };
  /** Multiply-adds for one source channel. */
  readonly products: number;
}

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);

/** Settles `tile` for `problem`. */
export function planOf(problem: ImageProblem, tile: ImageTile): ImagePlan {
  const { source, destination, kernelSize, period, advance } = problem;
  const tiles = destination.height / tile.rows;
  const whole = tiles === 1;
  const inside = (extent: number) => ({ position }: AxisProduct) =>
    position >= 0 && position < extent;
  const axis = (count: number) => Array.from({ length: count }, (_, d) => problem.axisProducts(d));
  const columns = axis(destination.width).map((list) => list.filter(inside(source.width)));
  const absoluteRows = axis(tile.rows)
    .map((list) => whole ? list.filter(inside(source.height)) : list);
  const reached = absoluteRows.flat().map(({ position }) => position);
  const firstRow = whole ? 0 : Math.min(...reached);
  const windowRows = whole ? source.height : Math.max(...reached) - firstRow + 1;
  const rows = absoluteRows.map((list) =>
    list.map(({ tap, position }) => ({ tap, position: position - firstRow }))
  );
  const rowsPerTile = whole ? 0 : tile.rows / period * advance;

  const plane = source.height * source.width;
  const sourceVector = vectorSize(whole ? plane : source.width);
  const slots = windowRows * source.width / sourceVector;
  const firstSlot = firstRow * source.width / sourceVector;
  const slotsPerTile = rowsPerTile * source.width / sourceVector;
  const lastSlot = firstSlot + (tiles - 1) * slotsPerTile;
  const used = new Set<number>();
  for (const { position: row } of rows.flat()) {
    for (const { position: column } of columns.flat()) {
      used.add(Math.floor((row * source.width + column) / sourceVector / tile.lanes));
    }
  }
  const loads = Array.from({ length: groupsOf(slots, tile.lanes) }, (_, load) => ({
    used: used.has(load),
    masked: firstSlot + load * tile.lanes < 0 ||
      lastSlot + (load + 1) * tile.lanes > plane / sourceVector,
  }));

  const taps = kernelSize ** 2;
  const vectors = taps > 4 && source.channels * destination.channels * taps % 4 === 0;
  const pairs = sum(rows.map((list) => list.length)) * sum(columns.map((list) => list.length));
  return {
    tile,
    tiles,
    rows,
    columns,
    firstSlot,
    slotsPerTile,
    loads,
    sourceVector,
    destinationVector: vectorSize(
      tile.rows * destination.width,
      destination.height * destination.width,
    ),
    weights: vectors ? { loads: groupsOf(taps + 3, 4), size: 4 } : { loads: taps, size: 1 },
    products: pairs * tile.laneGroups,
  };
}

/** Estimated cost of the kernel for `plan`. */
export function estimateImage(problem: ImageProblem, plan: ImagePlan): Estimate {
  const { source, destination } = problem;
  const { tile, sourceVector, destinationVector } = plan;
  const accumulators = tile.rows * destination.width * tile.laneGroups;
  const { loads: weightLoads, size: weightSize } = plan.weights;
  const weights = tile.laneGroups * weightLoads;
  const loads = plan.loads.filter((load) => load.used).length;
  const stores = accumulators / destinationVector;
  const channelTime = COST.ownLoad[weightSize] * weights + COST.sharedLoad[sourceVector] * loads +
    COST.product * plan.products + COST.accumulator * accumulators;
  const invocations = problem.batch * plan.tiles *
    groupsOf(destination.channels, tile.lanes * tile.laneGroups);
  return {
    time: invocations * (source.channels * channelTime + COST.store[destinationVector] * stores),
    compilation: compilationTime(plan.products, loads + weights, stores),
  };
}

/**
 * Plans for `problem` with at most `accumulators` of them, the one that should be fastest first;
 * empty where none is small.
 */
export function candidatePlans(
  problem: ImageProblem,
  lanes: Lanes,
  accumulators = MAXIMUM_ACCUMULATORS,
): ImagePlan[] {
  const { destination } = problem;
  const candidates: ImagePlan[] = [];
  for (const rows of divisors(destination.height, destination.height)) {
    if (rows % problem.period !== 0 && rows !== destination.height) continue;
    for (const laneGroups of [1, 2, 4]) {
      if (laneGroups > groupsOf(destination.channels, lanes)) continue;
      if (rows * destination.width * laneGroups > accumulators) continue;
      const plan = planOf(problem, { lanes, rows, laneGroups });
      if (plan.products <= MAXIMUM_PRODUCTS) candidates.push(plan);
    }
  }
  return rank(candidates, (plan) => estimateImage(problem, plan));
}
