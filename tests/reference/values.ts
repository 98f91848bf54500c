/** Numbers to test with, the same for the same seed on every machine. */

import { RandomPurpose, RandomStream } from "../../src/data/random.ts";

/** `count` normal numbers that float32 holds exactly. */
export function normalValues(count: number, seed: number): Float32Array<ArrayBuffer> {
  const random = new RandomStream(seed, RandomPurpose.parameters);
  return Float32Array.from({ length: count }, () => random.normal());
}

/** `count` numbers in [low, high) that float32 holds exactly. */
export function uniformValues(
  count: number,
  low: number,
  high: number,
  seed: number,
): Float32Array<ArrayBuffer> {
  const random = new RandomStream(seed, RandomPurpose.parameters);
  return Float32Array.from({ length: count }, () => random.between(low, high));
}

/** `count` whole numbers 0..below-1. */
export function wholeValues(
  count: number,
  below: number,
  seed: number,
): Uint32Array<ArrayBuffer> {
  const random = new RandomStream(seed, RandomPurpose.parameters);
  return Uint32Array.from({ length: count }, () => random.below(below));
}

/** Product of all extents. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
