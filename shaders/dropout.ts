/**
 * Dropout: Srivastava et al. (2014), scaled by 1 / (1 - ratio) as in PyTorch. Whether an element is
 * dropped is a hash of its index, of a seed of the layer, and of the bits of the tensor's first
 * elements, which no two steps have alike: so a step repeated or resumed drops the same elements, and
 * no counter needs to be kept.
 */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";

/** Elements whose bits enter the hash. */
const HASHED = 32;

/** WGSL function `kept(i)`: 0, or the scale of a kept element. PCG's output hash mixes. */
function keptFunction(elements: number, ratio: number, seed: number): string {
  const threshold = Math.min(2 ** 32 - 1, Math.round(ratio * 2 ** 32));
  return `
fn mixed(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
fn kept(i: u32) -> f32 {
  var hash = ${seed >>> 0}u;
  for (var j = 0u; j < ${Math.min(HASHED, elements)}u; j++) {
    hash = mixed(hash ^ bitcast<u32>(x[j * ${Math.max(1, Math.floor(elements / HASHED))}u]));
  }
  return select(f32(${1 / (1 - ratio)}), 0.0, mixed(hash ^ mixed(i)) < ${threshold}u);
}`;
}

/** x -> y */
export function dropoutKernel(elements: number, ratio: number, seed: number): Kernel {
  return elementwise(
    `dropout ${ratio} ${elements}`,
    elements,
    declareBindings([{ name: "x", elements }], [{ name: "y", elements }]) +
      keptFunction(elements, ratio, seed),
    "y[i] = x[i] * kept(i);",
  );
}

/** x, dy -> dx */
export function dropoutGradientKernel(elements: number, ratio: number, seed: number): Kernel {
  return elementwise(
    `dropout gradient ${ratio} ${elements}`,
    elements,
    declareBindings([{ name: "x", elements }, { name: "dy", elements }], [
      { name: "dx", elements },
    ]) + keptFunction(elements, ratio, seed),
    "dx[i] = dy[i] * kept(i);",
  );
}
