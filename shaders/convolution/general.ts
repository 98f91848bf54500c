/**
 * Convolution of any geometry: rectangular kernels, unequal strides, dilation, padding of each side,
 * groups, bias. Direct and plain, within WebGPU's guaranteed limits; square ungrouped convolutions
 * have faster kernels (variants.ts). With one input channel a group (depthwise) the loops over
 * channels vanish.
 */

import { declareBindings, groupsOf, type Kernel } from "../kernel.ts";
import { unroll } from "./lanes.ts";

/** Shapes of a 2-D convolution: x (N,C,H,W), w (K,C/groups,R,S), y (N,K,OH,OW). */
export interface GeneralGeometry {
  readonly batch: number;
  readonly inChannels: number;
  readonly height: number;
  readonly width: number;
  readonly outChannels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  /** R, S */
  readonly window: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Zeros above and to the left; those below and to the right follow from the output's extent. */
  readonly padding: readonly [number, number];
  readonly groups: number;
}

/** Invocations of a workgroup. */
const WORKGROUP = 64;

/** Enough invocations of a weight gradient to occupy a small GPU. */
const WEIGHT_GRADIENT_INVOCATIONS = 16_384;

/** The largest number up to `limit` that divides `channels`. */
function tileOf(channels: number, limit: number): number {
  let tile = Math.min(channels, limit);
  while (channels % tile !== 0) tile--;
  return tile;
}

/** Text of the shapes, for labels. */
const label = (direction: string, g: GeneralGeometry) =>
  `convolution ${direction} general ${g.batch}x${g.inChannels}x${g.height}x${g.width} -> ` +
  `${g.outChannels}, ${g.window.join("x")} stride ${g.strides.join("x")} groups ${g.groups}`;

const counts = (g: GeneralGeometry) => ({
  x: g.batch * g.inChannels * g.height * g.width,
  w: g.outChannels * (g.inChannels / g.groups) * g.window[0] * g.window[1],
  y: g.batch * g.outChannels * g.outHeight * g.outWidth,
});

/** x, w, with `bias` b (K) -> y. One invocation: one output pixel, up to 8 channels of a group. */
export function generalForwardKernel(g: GeneralGeometry, bias: boolean): Kernel {
  const perGroup = g.inChannels / g.groups;
  const groupOutputs = g.outChannels / g.groups;
  const tile = tileOf(groupOutputs, 8);
  const taps = g.window[0] * g.window[1];
  const pixels = g.outHeight * g.outWidth;
  const { x, w, y } = counts(g);
  return {
    label: label("forward", g),
    workgroups: [groupsOf(pixels, WORKGROUP), g.outChannels / tile, g.batch],
    wgsl: `${
      declareBindings([
        { name: "x", elements: x },
        { name: "w", elements: w },
        ...bias ? [{ name: "b", elements: g.outChannels }] : [],
      ], [{ name: "y", elements: y }])
    }
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let pixel = id.x;
  if (pixel >= ${pixels}u) { return; }
  let k0 = id.y * ${tile}u;
  let c0 = k0 / ${groupOutputs}u * ${perGroup}u;
  let top = i32(pixel / ${g.outWidth}u * ${g.strides[0]}u) - ${g.padding[0]};
  let left = i32(pixel % ${g.outWidth}u * ${g.strides[1]}u) - ${g.padding[1]};
  ${unroll(tile, (k) => `var sum${k} = ${bias ? `b[k0 + ${k}u]` : "0.0"};`)}
  for (var c = 0u; c < ${perGroup}u; c++) {
    let plane = (id.z * ${g.inChannels}u + c0 + c) * ${g.height * g.width}u;
    for (var r = 0; r < ${g.window[0]}; r++) {
      let row = top + r * ${g.dilations[0]};
      if (row < 0 || row >= ${g.height}) { continue; }
      for (var s = 0; s < ${g.window[1]}; s++) {
        let column = left + s * ${g.dilations[1]};
        if (column < 0 || column >= ${g.width}) { continue; }
        let value = x[plane + u32(row * ${g.width} + column)];
        let weight = (k0 * ${perGroup}u + c) * ${taps}u + u32(r * ${g.window[1]} + s);
        ${unroll(tile, (k) => `sum${k} += value * w[weight + ${k * perGroup * taps}u];`)}
      }
    }
  }
  let first = (id.z * ${g.outChannels}u + k0) * ${pixels}u + pixel;
  ${unroll(tile, (k) => `y[first + ${k * pixels}u] = sum${k};`)}
}
`,
  };
}

/** dy, w -> dx. One invocation: one input pixel, up to 8 channels of a group. */
export function generalInputGradientKernel(g: GeneralGeometry): Kernel {
  const perGroup = g.inChannels / g.groups;
  const groupOutputs = g.outChannels / g.groups;
  const tile = tileOf(perGroup, 8);
  const taps = g.window[0] * g.window[1];
  const pixels = g.height * g.width;
  const outPixels = g.outHeight * g.outWidth;
  const { x, w, y } = counts(g);
  const outside = (reach: string, axis: 0 | 1) =>
    `${reach} < 0 || ${reach} % ${g.strides[axis]} != 0 || ` +
    `${reach} / ${g.strides[axis]} >= ${axis === 0 ? g.outHeight : g.outWidth}`;
  return {
    label: label("input gradient", g),
    workgroups: [groupsOf(pixels, WORKGROUP), g.inChannels / tile, g.batch],
    wgsl: `${
      declareBindings(
        [{ name: "dy", elements: y }, { name: "w", elements: w }],
        [{ name: "dx", elements: x }],
      )
    }
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let pixel = id.x;
  if (pixel >= ${pixels}u) { return; }
  let c0 = id.y * ${tile}u;
  let k0 = c0 / ${perGroup}u * ${groupOutputs}u;
  let bottom = i32(pixel / ${g.width}u) + ${g.padding[0]};
  let right = i32(pixel % ${g.width}u) + ${g.padding[1]};
  ${unroll(tile, (c) => `var sum${c} = 0.0;`)}
  for (var r = 0; r < ${g.window[0]}; r++) {
    let rowReach = bottom - r * ${g.dilations[0]};
    if (${outside("rowReach", 0)}) { continue; }
    for (var s = 0; s < ${g.window[1]}; s++) {
      let columnReach = right - s * ${g.dilations[1]};
      if (${outside("columnReach", 1)}) { continue; }
      let place = u32(rowReach / ${g.strides[0]} * ${g.outWidth} + columnReach / ${g.strides[1]});
      let tap = u32(r * ${g.window[1]} + s);
      for (var k = k0; k < k0 + ${groupOutputs}u; k++) {
        let value = dy[(id.z * ${g.outChannels}u + k) * ${outPixels}u + place];
        let weight = (k * ${perGroup}u + c0 % ${perGroup}u) * ${taps}u + tap;
        ${unroll(tile, (c) => `sum${c} += value * w[weight + ${c * taps}u];`)}
      }
    }
  }
  let first = (id.z * ${g.inChannels}u + c0) * ${pixels}u + pixel;
  ${unroll(tile, (c) => `dx[first + ${c * pixels}u] = sum${c};`)}
}
`,
  };
}

/** A weight gradient in parts, which are still to be added up. */
export interface GeneralWeightGradient {
  /** x, dy -> (parts, K, C/groups, R, S). */
  readonly kernel: Kernel;
  /** How many partial sums there are of each weight. */
  readonly parts: number;
}

/**
 * One invocation: one weight, over the rows of one part. Parts are runs of rows of all images, so
 * that depthwise convolutions, which have few weights, occupy the device too.
 */
export function generalWeightGradientKernel(g: GeneralGeometry): GeneralWeightGradient {
  const perGroup = g.inChannels / g.groups;
  const groupOutputs = g.outChannels / g.groups;
  const taps = g.window[0] * g.window[1];
  const { x, w, y } = counts(g);
  const rows = g.batch * g.outHeight;
  const wanted = Math.min(rows, groupsOf(WEIGHT_GRADIENT_INVOCATIONS, w));
  const rowsPerPart = groupsOf(rows, wanted);
  const parts = groupsOf(rows, rowsPerPart);
  const groups = groupsOf(w, WORKGROUP);
  const columns = Math.min(groups, 32_768);
  return {
    parts,
    kernel: {
      label: label("weight gradient", g),
      workgroups: [columns, groupsOf(groups, columns), parts],
      wgsl: `${
        declareBindings(
          [{ name: "x", elements: x }, { name: "dy", elements: y }],
          [{ name: "dw", elements: parts * w }],
        )
      }
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x + id.y * ${columns * WORKGROUP}u;
  if (i >= ${w}u) { return; }
  let k = i / ${perGroup * taps}u;
  let c = k / ${groupOutputs}u * ${perGroup}u + i / ${taps}u % ${perGroup}u;
  let top = i32(i % ${taps}u / ${g.window[1]}u) * ${g.dilations[0]} - ${g.padding[0]};
  let left = i32(i % ${g.window[1]}u) * ${g.dilations[1]} - ${g.padding[1]};
  var sum = 0.0;
  let end = min((id.z + 1u) * ${rowsPerPart}u, ${rows}u);
  for (var j = id.z * ${rowsPerPart}u; j < end; j++) {
    let n = j / ${g.outHeight}u;
    let oy = j % ${g.outHeight}u;
    let row = i32(oy * ${g.strides[0]}u) + top;
    if (row < 0 || row >= ${g.height}) { continue; }
    let line = ((n * ${g.inChannels}u + c) * ${g.height}u + u32(row)) * ${g.width}u;
    let gradients = ((n * ${g.outChannels}u + k) * ${g.outHeight}u + oy) * ${g.outWidth}u;
    for (var ox = 0u; ox < ${g.outWidth}u; ox++) {
      let column = i32(ox * ${g.strides[1]}u) + left;
      if (column < 0 || column >= ${g.width}) { continue; }
      sum += x[line + u32(column)] * dy[gradients + ox];
    }
  }
  dw[id.z * ${w}u + i] = sum;
}
`,
    },
  };
}
