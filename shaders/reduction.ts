/** Sums in a fixed order, so that equal inputs give equal bits. */

import { elementwise } from "./elementwise.ts";
import { declareBindings, groupsOf, type Kernel } from "./kernel.ts";

/** Invocations of a workgroup that adds up together. */
export const SUM_INVOCATIONS = 64;

/**
 * WGSL function `workgroupTotal(lane, value)`: the sum of `value` over the workgroup's
 * {@linkcode SUM_INVOCATIONS} invocations by a binary tree, returned to each. All must call it.
 */
export const WORKGROUP_TOTAL = `
var<workgroup> addends: array<f32, ${SUM_INVOCATIONS}>;
fn workgroupTotal(lane: u32, value: f32) -> f32 {
  addends[lane] = value;
  workgroupBarrier();
  for (var half = ${SUM_INVOCATIONS / 2}u; half > 0u; half >>= 1u) {
    if (lane < half) { addends[lane] += addends[lane + half]; }
    workgroupBarrier();
  }
  let total = addends[0];
  workgroupBarrier();
  return total;
}`;

/** x (elements) -> y (1): `factor` times the sum of all elements. One workgroup. */
export function sumKernel(elements: number, factor: number): Kernel {
  return {
    label: `sum ${elements}`,
    workgroups: [1, 1, 1],
    wgsl: `${declareBindings([{ name: "x", elements }], [{ name: "y", elements: 1 }])}
${WORKGROUP_TOTAL}
@compute @workgroup_size(${SUM_INVOCATIONS})
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < ${elements}u; i += ${SUM_INVOCATIONS}u) { sum += x[i]; }
  let total = workgroupTotal(lane, sum);
  if (lane == 0u) { y[0] = total * f32(${factor}); }
}`,
  };
}

/** x (parts, elements) -> y (elements): the sum over the parts, in order. */
export function sumPartsKernel(parts: number, elements: number): Kernel {
  return {
    label: `sum ${parts} parts of ${elements}`,
    workgroups: [groupsOf(elements, SUM_INVOCATIONS), 1, 1],
    wgsl: `${
      declareBindings([{ name: "x", elements: parts * elements }], [{ name: "y", elements }])
    }
@compute @workgroup_size(${SUM_INVOCATIONS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < ${elements}u) {
    var sum = 0.0;
    for (var part = 0u; part < ${parts}u; part++) { sum += x[part * ${elements}u + id.x]; }
    y[id.x] = sum;
  }
}`,
  };
}

/** x (1) -> y (elements): `factor` times x, everywhere: the gradient of {@linkcode sumKernel}. */
export function sumGradientKernel(elements: number, factor: number): Kernel {
  return elementwise(
    `sum gradient ${elements}`,
    elements,
    declareBindings([{ name: "x", elements: 1 }], [{ name: "y", elements }]),
    `y[i] = x[0] * f32(${factor});`,
  );
}
