/**
 * The forward convolution and the input gradient as tiled matrix products: rows are channels of the
 * result, columns the pixels of all images, and the sum runs over the other channels and the taps.
 */

import { type Binding, declareBindings, groupsOf } from "../kernel.ts";
import { unroll } from "./lanes.ts";
import { matrixProduct, TILE_N, tileRows } from "./tiled_matrix.ts";
import {
  type ConvolutionGeometry,
  convolutionLabel,
  type ConvolutionUse,
  type ForwardFusion,
  type InputGradientFusion,
  outputExtent,
} from "./use.ts";
import type { ConvolutionKernel, ImageKernel } from "./variant.ts";

/** Workgroups of a row of tiles; keeps every dimension below WebGPU's guaranteed 65,535. */
const ROW = 32_768;

/** How tiles of columns are dealt out to workgroups. */
export function columnGroups(columns: number): {
  /** Tiles. */
  readonly groups: number;
  /** Workgroups along x. */
  readonly across: number;
  /** Workgroups along z. */
  readonly down: number;
  /** WGSL of the tile of a workgroup. */
  readonly tile: string;
  /** WGSL by which workgroups without a tile end. */
  readonly guard: string;
} {
  const groups = groupsOf(columns, TILE_N);
  const across = Math.min(groups, ROW);
  return {
    groups,
    across,
    down: groupsOf(groups, across),
    tile: groups === across ? "group.x" : `group.x + group.z * ${across}u`,
    guard: groups % across === 0 ? "" : `if (columnTile >= ${groups}u) { return; }`,
  };
}

/** One of the two directions. */
interface ImageProduct {
  readonly use: ConvolutionUse;
  readonly batch: number;
  /** Channels of the result. */
  readonly channels: number;
  /** Pixels of the result in each image. */
  readonly pixels: number;
  /** Products in each sum. */
  readonly terms: number;
  readonly reads: readonly Binding[];
  /** WGSL functions a and b. */
  readonly operands: string;
  /** WGSL that changes `value` at `index` of channel `channel` before it is stored. */
  readonly change: string;
  /** WGSL that sets `first` and `second`, over the tile, from sum0 to sum3; "" where unwanted. */
  readonly partials: string;
}

/**
 * The kernel for `product`; undefined where tiles would hold unequal numbers of values for the partial
 * results.
 */
function imageKernel(product: ImageProduct): ImageKernel | undefined {
  const { batch, channels, pixels, terms } = product;
  const columns = batch * pixels;
  const { groups, across, down, tile, guard } = columnGroups(columns);
  const reduces = product.partials !== "";
  if (reduces && columns % TILE_N !== 0) return undefined;
  const writes = [{ name: "result", elements: columns * channels }];
  if (reduces) writes.push({ name: "partials", elements: groups * channels * 2 });
  const elements = unroll(4, (j) =>
    unroll(4, (i) => {
      const sum = `sum${j}.${"xyzw"[i]}`;
      return `if (m + ${j}u < ${channels}u && n + ${i}u < ${columns}u) {
        let channel = m + ${j}u;
        let index = ((n + ${i}u) / ${pixels}u * ${channels}u + channel) * ${pixels}u +
          (n + ${i}u) % ${pixels}u;
        var value = ${sum};
        ${product.change}
        ${sum} = value;
        result[index] = value;
      }`;
    }));
  const store = unroll(4, (j) =>
    `if (m + ${j}u < ${channels}u) {
      partials[part + ${2 * j}u] = first.${"xyzw"[j]};
      partials[part + ${2 * j + 1}u] = second.${"xyzw"[j]};
    }`);
  const partials = reduces
    ? `${product.partials}
  if (inN == 0u) {
    let part = (columnTile * ${channels}u + m) * 2u;
    ${store}
  }`
    : "";
  return {
    ...tiledFacts(product.use, channels),
    wgsl: matrixProduct({
      declarations: declareBindings(product.reads, writes) + product.operands,
      rows: channels,
      columnTile: tile,
      guard,
      terms,
      finish: elements + partials,
      reduces,
    }),
    workgroups: [across, groupsOf(channels, tileRows(channels)), down],
    parts: reduces ? groups : 0,
    valuesPerPart: TILE_N,
  };
}

/** `fn input(...)`: x at a pixel, normalised where asked, zero outside the image. */
export function inputFunction(geometry: ConvolutionGeometry, normalise: boolean): string {
  const { inChannels, height, width } = geometry;
  const value =
    `x[((image * ${inChannels}u + c) * ${height}u + u32(row)) * ${width}u + u32(column)]`;
  return `
fn input(image: u32, c: u32, row: i32, column: i32) -> f32 {
  if (row < 0 || row >= ${height} || column < 0 || column >= ${width}) { return 0.0; }
  return ${
    normalise ? `max(${value} * coefficients[c] + coefficients[${inChannels}u + c], 0.0)` : value
  };
}`;
}

/** What a tiled kernel with `rows` rows of results is; `kind` tells it from others of the same tile. */
export function tiledFacts(
  use: ConvolutionUse,
  rows: number,
  kind = "",
): Pick<ConvolutionKernel, "label" | "convolution"> {
  const convolution = {
    ...use,
    variant: "tiled",
    tile: `${kind} ${tileRows(rows)}x${TILE_N}`.trim(),
  };
  return { label: convolutionLabel(convolution), convolution };
}

/** Mean and squared deviations of each row of the tile, in two passes. */
export const STATISTICS = `
  let ones = vec4f(1.0);
  let first = sumOverColumns(
    index, vec4f(dot(sum0, ones), dot(sum1, ones), dot(sum2, ones), dot(sum3, ones)),
  ) / ${TILE_N}.0;
  let off0 = sum0 - first.x;
  let off1 = sum1 - first.y;
  let off2 = sum2 - first.z;
  let off3 = sum3 - first.w;
  let second = sumOverColumns(
    index, vec4f(dot(off0, off0), dot(off1, off1), dot(off2, off2), dot(off3, off3)),
  );
`;

/** y (N,K,OH,OW) of x and w. */
export function tiledForward(
  geometry: ConvolutionGeometry,
  fusion: ForwardFusion,
): ImageKernel | undefined {
  const { normaliseInput = false, addResidual = false, statistics = false } = fusion;
  const { batch, inChannels, height, width, outChannels, kernelSize, stride, padding } = geometry;
  const out = outputExtent(geometry);
  const pixels = out.height * out.width;
  const taps = kernelSize ** 2;
  const terms = inChannels * taps;
  const reads = [
    { name: "x", elements: batch * inChannels * height * width },
    { name: "w", elements: outChannels * terms },
    ...(normaliseInput ? [{ name: "coefficients", elements: 2 * inChannels }] : []),
    ...(addResidual ? [{ name: "residual", elements: batch * outChannels * pixels }] : []),
  ];
  const operands = `${inputFunction(geometry, normaliseInput)}
fn a(m: u32, r: u32) -> f32 { return select(0.0, w[m * ${terms}u + r], m < ${outChannels}u); }
fn b(r: u32, n: u32) -> f32 {
  if (n >= ${batch * pixels}u) { return 0.0; }
  let pixel = n % ${pixels}u;
  let tap = r % ${taps}u;
  let row = i32(pixel / ${out.width}u * ${stride}u + tap / ${kernelSize}u) - ${padding};
  let column = i32(pixel % ${out.width}u * ${stride}u + tap % ${kernelSize}u) - ${padding};
  return input(n / ${pixels}u, r / ${taps}u, row, column);
}`;
  return imageKernel({
    use: { direction: "forward", geometry, fusion },
    batch,
    channels: outChannels,
    pixels,
    terms,
    reads,
    operands,
    change: addResidual ? "value += residual[index];" : "",
    partials: statistics ? STATISTICS : "",
  });
}

/** dx (N,C,H,W) of dy and w. */
export function tiledInputGradient(
  geometry: ConvolutionGeometry,
  fusion: InputGradientFusion,
): ImageKernel | undefined {
  const { addAddend = false, normalised = false } = fusion;
  const { batch, inChannels, height, width, outChannels, kernelSize, stride, padding } = geometry;
  const out = outputExtent(geometry);
  const pixels = height * width;
  const taps = kernelSize ** 2;
  const elements = batch * inChannels * pixels;
  const reads = [
    { name: "dy", elements: batch * outChannels * out.height * out.width },
    { name: "w", elements: outChannels * inChannels * taps },
    ...(addAddend ? [{ name: "addend", elements }] : []),
    ...(normalised
      ? [{ name: "x", elements }, { name: "coefficients", elements: 3 * inChannels }]
      : []),
  ];
  const operands = `
fn a(m: u32, r: u32) -> f32 {
  let at = (r / ${taps}u * ${inChannels}u + m) * ${taps}u + r % ${taps}u;
  return select(0.0, w[at], m < ${inChannels}u);
}
fn b(r: u32, n: u32) -> f32 {
  if (n >= ${batch * pixels}u) { return 0.0; }
  let pixel = n % ${pixels}u;
  let tap = r % ${taps}u;
  let row = i32(pixel / ${width}u) + ${padding} - i32(tap / ${kernelSize}u);
  let column = i32(pixel % ${width}u) + ${padding} - i32(tap % ${kernelSize}u);
  let outside = row < 0 || column < 0 || row / ${stride} >= ${out.height} ||
    column / ${stride} >= ${out.width};
  if (outside || row % ${stride} != 0 || column % ${stride} != 0) { return 0.0; }
  let plane = (n / ${pixels}u * ${outChannels}u + r / ${taps}u) * ${out.height}u;
  return dy[(plane + u32(row / ${stride})) * ${out.width}u + u32(column / ${stride})];
}`;
  const channelSums = (name: string, factor: (i: number, j: number) => string) =>
    `let ${name} = sumOverColumns(index, vec4f(${
      [0, 1, 2, 3].map((j) =>
        [0, 1, 2, 3].map((i) => `sum${j}.${"xyzw"[i]}${factor(i, j)}`).join(" + ")
      ).join(", ")
    }));`;
  const partials = `
${channelSums("first", () => "")}
${channelSums("second", (i, j) => ` * centred(m + ${j}u, n + ${i}u)`)}`;
  const centred = `
fn centred(m: u32, n: u32) -> f32 {
  let c = min(m, ${inChannels - 1}u);
  let index = (n / ${pixels}u * ${inChannels}u + c) * ${pixels}u + n % ${pixels}u;
  return x[index] - coefficients[${2 * inChannels}u + c];
}`;
  return imageKernel({
    use: { direction: "inputGradient", geometry, fusion },
    batch,
    channels: inChannels,
    pixels,
    terms: outChannels * taps,
    reads,
    operands: normalised ? operands + centred : operands,
    change: [
      addAddend ? "value += addend[index];" : "",
      normalised
        ? `value = select(0.0, value, x[index] * coefficients[channel] + ` +
          `coefficients[${inChannels}u + channel] > 0.0);`
        : "",
    ].join("\n"),
    partials: normalised ? partials : "",
  });
}
