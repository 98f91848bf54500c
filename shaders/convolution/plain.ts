/**
 * Direct convolution for every geometry and every adapter: no subgroups, no workgroup memory, within
 * WebGPU's guaranteed minimum limits. It is the variant that the others fall back on, not a fast one.
 * Invocations next to each other take neighbouring pixels (or taps, for the weight gradient), and
 * each computes several output channels, so that one load of the image feeds several products.
 */

import { type Binding, declareBindings, groupsOf } from "../kernel.ts";
import { unroll } from "./lanes.ts";
import {
  type ConvolutionGeometry,
  type ConvolutionVariant,
  type ForwardFusion,
  type ImageKernel,
  type InputGradientFusion,
  type KernelCapabilities,
  outputExtent,
  type WeightGradient,
  type WeightGradientFusion,
} from "./variant.ts";

const WORKGROUP = 64;

/** Channels that one invocation computes: at most `limit`. */
function channelTile(channels: number, limit: number): number {
  return Math.min(channels, limit);
}

/** Bindings of the fusions that this variant knows: scale and shift of x, and an addend. */
function extraReads(normalise: boolean, channels: number, addendElements: number): Binding[] {
  const reads: Binding[] = [];
  if (normalise) reads.push({ name: "coefficients", elements: 2 * channels });
  if (addendElements > 0) reads.push({ name: "addend", elements: addendElements });
  return reads;
}

/** WGSL for a value of x, read at `index`, of channel c. */
function readInput(index: string, normalise: boolean, channels: number): string {
  return normalise
    ? `max(x[${index}] * coefficients[c] + coefficients[${channels}u + c], 0.0)`
    : `x[${index}]`;
}

function label(direction: string, geometry: ConvolutionGeometry): string {
  const { batch, inChannels, outChannels, height, width, kernelSize, stride } = geometry;
  return `convolution ${direction} plain ${batch}x${inChannels}x${height}x${width} -> ` +
    `${outChannels}, ${kernelSize}x${kernelSize} stride ${stride}`;
}

/** One invocation: one output pixel of one image, up to 8 output channels. */
function forward(
  geometry: ConvolutionGeometry,
  _capabilities: KernelCapabilities,
  fusion: ForwardFusion = {},
): ImageKernel | undefined {
  if (fusion.statistics) return undefined;
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
    label: label("forward", geometry),
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
function inputGradient(
  geometry: ConvolutionGeometry,
  _capabilities: KernelCapabilities,
  fusion: InputGradientFusion = {},
): ImageKernel | undefined {
  if (fusion.normalised) return undefined;
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
    label: label("input gradient", geometry),
    wgsl,
    workgroups: [groupsOf(pixels, WORKGROUP), groupsOf(inChannels, tile), batch],
    parts: 0,
    valuesPerPart: 0,
  };
}

/** Enough invocations to occupy a small GPU; more parts only cost memory and a longer final sum. */
const WEIGHT_GRADIENT_INVOCATIONS = 16_384;

/**
 * One invocation: one tap of one input channel, up to 4 output channels, over the images of one
 * part. Parts are equal runs of images (the last may be shorter).
 */
function weightGradient(
  geometry: ConvolutionGeometry,
  _capabilities: KernelCapabilities,
  fusion: WeightGradientFusion = {},
): WeightGradient {
  const { normaliseInput = false } = fusion;
  const { batch, inChannels, height, width, outChannels, kernelSize, stride, padding } = geometry;
  const out = outputExtent(geometry);
  const pixels = out.height * out.width;
  const taps = kernelSize * kernelSize;
  const columns = inChannels * taps;
  const tile = channelTile(outChannels, 4);
  const groups = groupsOf(outChannels, tile);
  const wanted = groupsOf(WEIGHT_GRADIENT_INVOCATIONS, columns * groups);
  const imagesPerPart = groupsOf(batch, Math.min(wanted, batch));
  const parts = groupsOf(batch, imagesPerPart);
  const wgsl = `
${
    declareBindings([
      { name: "x", elements: batch * inChannels * height * width },
      { name: "dy", elements: batch * outChannels * pixels },
      ...extraReads(normaliseInput, inChannels, 0),
    ], [{ name: "dw", elements: parts * outChannels * columns }])
  }
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let column = id.x;
  if (column >= ${columns}u) { return; }
  let c = column / ${taps}u;
  let top = i32(column % ${taps}u / ${kernelSize}u) - ${padding};
  let left = i32(column % ${kernelSize}u) - ${padding};
  let k0 = id.y * ${tile}u;
  let firstImage = id.z * ${imagesPerPart}u;
  ${unroll(tile, (k) => `var sum${k} = 0.0;`)}
  for (var n = firstImage; n < min(firstImage + ${imagesPerPart}u, ${batch}u); n++) {
    let plane = (n * ${inChannels}u + c) * ${height * width}u;
    let gradient = (n * ${outChannels}u + k0) * ${pixels}u;
    for (var oy = 0; oy < ${out.height}; oy++) {
      let row = oy * ${stride} + top;
      if (row < 0 || row >= ${height}) { continue; }
      for (var ox = 0; ox < ${out.width}; ox++) {
        let inputColumn = ox * ${stride} + left;
        if (inputColumn < 0 || inputColumn >= ${width}) { continue; }
        let value = ${
    readInput(`plane + u32(row * ${width} + inputColumn)`, normaliseInput, inChannels)
  };
        let at = gradient + u32(oy * ${out.width} + ox);
        ${unroll(tile, (k) => `sum${k} += value * dy[at + ${k * pixels}u];`)}
      }
    }
  }
  let first = (id.z * ${outChannels}u + k0) * ${columns}u + column;
  ${
    unroll(
      tile,
      (k) => `if (k0 + ${k}u < ${outChannels}u) { dw[first + ${k * columns}u] = sum${k}; }`,
    )
  }
}
`;
  return {
    kernel: {
      label: label("weight gradient", geometry),
      wgsl,
      workgroups: [groupsOf(columns, WORKGROUP), groups, parts],
    },
    parts,
  };
}

/** The variant that can do every geometry on every adapter. */
export const plain: ConvolutionVariant = { name: "plain", forward, inputGradient, weightGradient };
