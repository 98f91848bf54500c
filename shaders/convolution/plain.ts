/**
 * Direct convolution for every geometry and every adapter: no subgroups, no workgroup memory, within
 * WebGPU's guaranteed minimum limits. It is the variant that the others fall back on, not a fast one.
 * Invocations next to each other take neighbouring pixels (or taps, for the weight gradient), and
 * each computes several output channels, so that one load of the image feeds several products.
 */

import { declareBindings, groupsOf } from "../kernel.ts";
import { unroll } from "./lanes.ts";
import { channelTile, extraReads, kernelFacts, readInput, WORKGROUP } from "./plain_text.ts";
import { plainWeightGradient } from "./plain_weights.ts";
import {
  type ConvolutionGeometry,
  type ForwardFusion,
  type InputGradientFusion,
  outputExtent,
} from "./use.ts";
import type { ConvolutionVariant, ImageKernel } from "./variant.ts";

/** One invocation: one output pixel of one image, up to 8 output channels. */
function forward(geometry: ConvolutionGeometry, fusion: ForwardFusion): ImageKernel {
  const { normaliseInput = false, addResidual = false } = fusion;
  const { batch, inChannels, height, width, outChannels, kernelSize, stride, padding } = geometry;
  const out = outputExtent(geometry);
  const pixels = out.height * out.width;
  const taps = kernelSize * kernelSize;
  const tile = channelTile(outChannels, 8);
  const wgsl = `
${
    declareBindings([
      { name: "x", elements: batch * inChannels * height * width },
      { name: "w", elements: outChannels * inChannels * taps },
      ...extraReads(normaliseInput, inChannels, addResidual ? batch * outChannels * pixels : 0),
    ], [{ name: "y", elements: batch * outChannels * pixels }])
  }
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let pixel = id.x;
  if (pixel >= ${pixels}u) { return; }
  let k0 = id.y * ${tile}u;
  let top = i32(pixel / ${out.width}u * ${stride}u) - ${padding};
  let left = i32(pixel % ${out.width}u * ${stride}u) - ${padding};
  ${unroll(tile, (k) => `var sum${k} = 0.0;`)}
  for (var c = 0u; c < ${inChannels}u; c++) {
    let plane = (id.z * ${inChannels}u + c) * ${height * width}u;
    for (var ky = 0; ky < ${kernelSize}; ky++) {
      let row = top + ky;
      if (row < 0 || row >= ${height}) { continue; }
      for (var kx = 0; kx < ${kernelSize}; kx++) {
        let column = left + kx;
        if (column < 0 || column >= ${width}) { continue; }
        let value = ${
    readInput(`plane + u32(row * ${width} + column)`, normaliseInput, inChannels)
  };
        let weight = (k0 * ${inChannels}u + c) * ${taps}u + u32(ky * ${kernelSize} + kx);
        ${unroll(tile, (k) => `sum${k} += value * w[weight + ${k * inChannels * taps}u];`)}
      }
    }
  }
  let first = (id.z * ${outChannels}u + k0) * ${pixels}u + pixel;
  ${
    unroll(
      tile,
      (k) =>
        `if (k0 + ${k}u < ${outChannels}u) { y[first + ${k * pixels}u] = sum${k}${
          addResidual ? ` + addend[first + ${k * pixels}u]` : ""
        }; }`,
    )
  }
}
`;
  return {
    ...kernelFacts({ direction: "forward", geometry, fusion }),
    wgsl,
    workgroups: [groupsOf(pixels, WORKGROUP), groupsOf(outChannels, tile), batch],
    parts: 0,
    valuesPerPart: 0,
  };
}

/**
 * One invocation: one input pixel of one image, up to 8 input channels. Pixel (i,j) meets the outputs
 * with stride * o + tap - padding = i, so taps whose remainder is not zero contribute nothing.
 */
function inputGradient(geometry: ConvolutionGeometry, fusion: InputGradientFusion): ImageKernel {
  const { addAddend = false } = fusion;
  const { batch, inChannels, height, width, outChannels, kernelSize, stride, padding } = geometry;
  const out = outputExtent(geometry);
  const pixels = height * width;
  const taps = kernelSize * kernelSize;
  const tile = channelTile(inChannels, 8);
  const outside = (reach: string, extent: number) =>
    `${reach} < 0 || ${reach} % ${stride} != 0 || ${reach} / ${stride} >= ${extent}`;
  const wgsl = `
${
    declareBindings([
      { name: "dy", elements: batch * outChannels * out.height * out.width },
      { name: "w", elements: outChannels * inChannels * taps },
      ...extraReads(false, inChannels, addAddend ? batch * inChannels * pixels : 0),
    ], [{ name: "dx", elements: batch * inChannels * pixels }])
  }
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let pixel = id.x;
  if (pixel >= ${pixels}u) { return; }
  let c0 = id.y * ${tile}u;
  let bottom = i32(pixel / ${width}u) + ${padding};
  let right = i32(pixel % ${width}u) + ${padding};
  ${unroll(tile, (c) => `var sum${c} = 0.0;`)}
  for (var ky = 0; ky < ${kernelSize}; ky++) {
    let rowReach = bottom - ky;
    if (${outside("rowReach", out.height)}) { continue; }
    for (var kx = 0; kx < ${kernelSize}; kx++) {
      let columnReach = right - kx;
      if (${outside("columnReach", out.width)}) { continue; }
      let offset = u32(rowReach / ${stride} * ${out.width} + columnReach / ${stride});
      let tap = u32(ky * ${kernelSize} + kx);
      for (var k = 0u; k < ${outChannels}u; k++) {
        let value = dy[(id.z * ${outChannels}u + k) * ${out.height * out.width}u + offset];
        let weight = (k * ${inChannels}u + c0) * ${taps}u + tap;
        ${unroll(tile, (c) => `sum${c} += value * w[weight + ${c * taps}u];`)}
      }
    }
  }
  let first = (id.z * ${inChannels}u + c0) * ${pixels}u + pixel;
  ${
    unroll(
      tile,
      (c) =>
        `if (c0 + ${c}u < ${inChannels}u) { dx[first + ${c * pixels}u] = sum${c}${
          addAddend ? ` + addend[first + ${c * pixels}u]` : ""
        }; }`,
    )
  }
}
`;
  return {
    ...kernelFacts({ direction: "inputGradient", geometry, fusion }),
    wgsl,
    workgroups: [groupsOf(pixels, WORKGROUP), groupsOf(inChannels, tile), batch],
    parts: 0,
    valuesPerPart: 0,
  };
}

/** The variant that can do every geometry on every adapter, without `statistics` and `normalised`. */
export const plain: ConvolutionVariant = {
  name: "plain",
  *forward(geometry, _capabilities, fusion = {}) {
    if (!fusion.statistics) yield forward(geometry, fusion);
  },
  *inputGradient(geometry, _capabilities, fusion = {}) {
    if (!fusion.normalised) yield inputGradient(geometry, fusion);
  },
  *weightGradient(geometry, _capabilities, fusion = {}) {
    yield plainWeightGradient(geometry, fusion);
  },
};
