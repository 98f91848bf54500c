/** Kernels that treat each element by itself. One invocation an element, in a 2-D grid. */

import { declareBindings, groupsOf, type Kernel } from "./kernel.ts";

/** Invocations of a workgroup: a multiple of every subgroup size in use. */
const INVOCATIONS = 64;

/** Workgroups of a row of the grid; keeps every dimension below WebGPU's guaranteed 65,535. */
const ROW = 32768;

/** An element-wise kernel; `body` sees the element's index as `i`. */
export function elementwise(
  label: string,
  elements: number,
  declarations: string,
  body: string,
): Kernel {
  const groups = groupsOf(elements, INVOCATIONS);
  const columns = Math.min(groups, ROW);
  return {
    label,
    workgroups: [columns, groupsOf(groups, columns), 1],
    wgsl: `${declarations}
@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x + id.y * ${columns * INVOCATIONS}u;
  if (i < ${elements}u) {
    ${body}
  }
}`,
  };
}

/** a + b. */
export function addKernel(elements: number): Kernel {
  return elementwise(
    `add ${elements}`,
    elements,
    declareBindings([{ name: "a", elements }, { name: "b", elements }], [{ name: "y", elements }]),
    "y[i] = a[i] + b[i];",
  );
}

/** mask (elements) -> x: 0 where the mask is 0, in place. */
export function maskKernel(elements: number): Kernel {
  return elementwise(
    `mask ${elements}`,
    elements,
    declareBindings([{ name: "mask", elements }], [{ name: "x", elements }]),
    "if (mask[i] == 0.0) { x[i] = 0.0; }",
  );
}

/** max(x, 0). */
export function reluKernel(elements: number): Kernel {
  return elementwise(
    `relu ${elements}`,
    elements,
    declareBindings([{ name: "x", elements }], [{ name: "y", elements }]),
    "y[i] = max(x[i], 0.0);",
  );
}

/** dx = dy where the output y is positive, else 0: PyTorch's choice at 0. */
export function reluBackwardKernel(elements: number): Kernel {
  return elementwise(
    `relu backward ${elements}`,
    elements,
    declareBindings([{ name: "dy", elements }, { name: "y", elements }], [
      { name: "dx", elements },
    ]),
    "dx[i] = select(0.0, dy[i], y[i] > 0.0);",
  );
}
