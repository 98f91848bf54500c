/** Sums, means and extremes over some dimensions of a tensor. */

import { denseStrides, type Places, placeText } from "./affine.ts";
import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";
import { SUM_INVOCATIONS, WORKGROUP_TOTAL } from "./reduction.ts";

/** What is made of the elements. */
export type Reduction = "sum" | "mean" | "max" | "min";

/** Up to so many elements are reduced by one invocation, more by a workgroup. */
const FEW = 32;

/** Workgroups of a row of the grid. */
const ROW = 32768;

/** The places of results and, from each of them, of the elements that are reduced to it. */
export function reductionPlaces(
  shape: readonly number[],
  axes: readonly number[],
): { kept: Places; reduced: Places } {
  const strides = denseStrides(shape);
  const part = (inAxes: boolean): Places => {
    const dimensions = [...shape.keys()].filter((i) => axes.includes(i) === inAxes);
    return {
      shape: dimensions.map((i) => shape[i]!),
      strides: dimensions.map((i) => strides[i]!),
      first: 0,
    };
  };
  return { kept: part(false), reduced: part(true) };
}

const size = (shape: readonly number[]) => shape.reduce((product, extent) => product * extent, 1);

/** x (shape) -> the reduction over `axes`. */
export function reduceKernel(
  reduction: Reduction,
  shape: readonly number[],
  axes: readonly number[],
): Kernel {
  const { kept, reduced } = reductionPlaces(shape, axes);
  const [outputs, inputs] = [size(kept.shape), size(reduced.shape)];
  const label = `${reduction} of [${shape.join(",")}] over ${axes.join(",")}`;
  const bindings = declareBindings(
    [{ name: "x", elements: outputs * inputs }],
    [{ name: "y", elements: outputs }],
  );
  const extreme = reduction === "max" || reduction === "min";
  const factor = reduction === "mean" ? 1 / inputs : 1;
  const step = extreme
    ? `total = ${reduction}(total, x[first + place]);`
    : "total += x[first + place];";
  const start = extreme ? "x[first]" : "0.0";
  const loop = (from: string, by: string) =>
    `var total = ${start};
    for (var j = ${from}; j < ${inputs}u; j += ${by}) {
      let place = ${placeText(reduced, "j")};
      ${step}
    }`;
  if (inputs <= FEW || extreme) {
    return elementwise(
      label,
      outputs,
      bindings,
      `let first = ${placeText(kept, "i")};
    ${loop("0u", "1u")}
    y[i] = total * f32(${factor});`,
    );
  }
  const columns = Math.min(outputs, ROW);
  return {
    label,
    workgroups: [columns, Math.ceil(outputs / columns), 1],
    wgsl: `${bindings}
${WORKGROUP_TOTAL}
@compute @workgroup_size(${SUM_INVOCATIONS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  // Groups beyond the last repeat it, so that all of them meet at the barriers.
  let i = min(group.x + group.y * ${columns}u, ${outputs - 1}u);
  let first = ${placeText(kept, "i")};
  ${loop("lane", `${SUM_INVOCATIONS}u`)}
  let all = workgroupTotal(lane, total);
  if (lane == 0u) { y[i] = all * f32(${factor}); }
}`,
  };
}

/**
 * x (shape), y, dy -> dx of a maximum or minimum: elements that equal the extreme share its gradient,
 * as with PyTorch's `amax`.
 */
export function extremeGradientKernel(
  shape: readonly number[],
  axes: readonly number[],
): Kernel {
  const { kept, reduced } = reductionPlaces(shape, axes);
  const [outputs, inputs] = [size(kept.shape), size(reduced.shape)];
  return elementwise(
    `extreme gradient [${shape.join(",")}] over ${axes.join(",")}`,
    outputs,
    declareBindings([
      { name: "x", elements: outputs * inputs },
      { name: "y", elements: outputs },
      { name: "dy", elements: outputs },
    ], [{ name: "dx", elements: outputs * inputs }]),
    `let first = ${placeText(kept, "i")};
    var count = 0.0;
    for (var j = 0u; j < ${inputs}u; j++) {
      count += select(0.0, 1.0, x[first + ${placeText(reduced, "j")}] == y[i]);
    }
    for (var j = 0u; j < ${inputs}u; j++) {
      let place = first + ${placeText(reduced, "j")};
      dx[place] = select(0.0, dy[i] / count, x[place] == y[i]);
    }`,
  );
}
