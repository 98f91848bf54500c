/**
 * Convolution for GPUs: every direction is a matrix product whose operands are gathered on the way
 * into workgroup memory (see `tiled_matrix.ts`), within WebGPU's guaranteed minimum limits.
 *
 * | direction       | rows m | columns n | sum over r |
 * |-----------------|--------|-----------|------------|
 * | forward         | K      | N, OH, OW | C, R, R    |
 * | input gradient  | C      | N, H, W   | K, R, R    |
 * | weight gradient | K      | C, R, R   | N, OH, OW  |
 */

import { declareBindings, groupsOf } from "../kernel.ts";
import { unroll } from "./lanes.ts";
import { inputFunction, tiledFacts, tiledForward, tiledInputGradient } from "./tiled_images.ts";
import { matrixProduct, TILE_N, tileRows } from "./tiled_matrix.ts";
import { type ConvolutionGeometry, outputExtent, type WeightGradientFusion } from "./use.ts";
import type { ConvolutionVariant, WeightGradient } from "./variant.ts";

/** Workgroups that occupy a GPU; more parts only cost memory and a longer final sum. */
const WORKGROUPS = 128;

function tiledWeightGradient(
  geometry: ConvolutionGeometry,
  fusion: WeightGradientFusion,
): WeightGradient {
  const { normaliseInput: normalise = false } = fusion;
  const { batch, inChannels, height, width, outChannels, kernelSize, stride, padding } = geometry;
  const out = outputExtent(geometry);
  const pixels = out.height * out.width;
  const taps = kernelSize ** 2;
  const columns = inChannels * taps;
  const groups = [groupsOf(columns, TILE_N), groupsOf(outChannels, tileRows(outChannels))] as const;
  const wanted = groupsOf(WORKGROUPS, groups[0] * groups[1]);
  const imagesPerPart = groupsOf(batch, Math.min(batch, wanted));
  const parts = groupsOf(batch, imagesPerPart);
  const perPart = imagesPerPart * pixels;
  const reads = [
    { name: "x", elements: batch * inChannels * height * width },
    { name: "dy", elements: batch * outChannels * pixels },
    ...(normalise ? [{ name: "coefficients", elements: 2 * inChannels }] : []),
  ];
  const declarations = `
${declareBindings(reads, [{ name: "dw", elements: parts * outChannels * columns }])}
${inputFunction(geometry, normalise)}
fn a(m: u32, r: u32) -> f32 {
  let at = (r / ${pixels}u * ${outChannels}u + m) * ${pixels}u + r % ${pixels}u;
  return select(0.0, dy[at], m < ${outChannels}u);
}
fn b(r: u32, n: u32) -> f32 {
  if (n >= ${columns}u) { return 0.0; }
  let pixel = r % ${pixels}u;
  let tap = n % ${taps}u;
  let row = i32(pixel / ${out.width}u * ${stride}u + tap / ${kernelSize}u) - ${padding};
  let column = i32(pixel % ${out.width}u * ${stride}u + tap % ${kernelSize}u) - ${padding};
  return input(r / ${pixels}u, n / ${taps}u, row, column);
}`;
  const finish = unroll(
    4,
    (j) =>
      unroll(4, (i) =>
        `if (m + ${j}u < ${outChannels}u && n + ${i}u < ${columns}u) {
    dw[(group.z * ${outChannels}u + m + ${j}u) * ${columns}u + n + ${i}u] = sum${j}.${"xyzw"[i]};
  }`),
  );
  const wgsl = matrixProduct({
    declarations,
    rows: outChannels,
    range: [`group.z * ${perPart}u`, `min((group.z + 1u) * ${perPart}u, ${batch * pixels}u)`],
    alongSum: true,
    finish,
    reduces: false,
  });
  const kernel = {
    ...tiledFacts({ direction: "weightGradient", geometry, fusion }, outChannels),
    wgsl,
    workgroups: [...groups, parts] as const,
  };
  return { kernel, parts };
}

/** Kernels for any GPU; none where an image product is too large for one dispatch. */
export const tiled: ConvolutionVariant = {
  name: "tiled",
  *forward(geometry, _capabilities, fusion = {}) {
    const kernel = tiledForward(geometry, fusion);
    if (kernel) yield kernel;
  },
  *inputGradient(geometry, _capabilities, fusion = {}) {
    const kernel = tiledInputGradient(geometry, fusion);
    if (kernel) yield kernel;
  },
  *weightGradient(geometry, _capabilities, fusion = {}) {
    yield tiledWeightGradient(geometry, fusion);
  },
};
