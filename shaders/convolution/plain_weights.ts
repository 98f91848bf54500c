/** The weight gradient of the plain variant. */

import { declareBindings, groupsOf } from "../kernel.ts";
import { unroll } from "./lanes.ts";
import { channelTile, extraReads, kernelFacts, readInput, WORKGROUP } from "./plain_text.ts";
import { type ConvolutionGeometry, outputExtent, type WeightGradientFusion } from "./use.ts";
import type { WeightGradient } from "./variant.ts";

/** Enough invocations to occupy a small GPU; more parts only cost memory and a longer final sum. */
const WEIGHT_GRADIENT_INVOCATIONS = 16_384;

/**
 * One invocation: one tap of one input channel, up to 4 output channels, over the images of one
 * part. Parts are equal runs of images (the last may be shorter).
 */
export function plainWeightGradient(
  geometry: ConvolutionGeometry,
  fusion: WeightGradientFusion,
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
      ...kernelFacts({ direction: "weightGradient", geometry, fusion }),
      wgsl,
      workgroups: [groupsOf(columns, WORKGROUP), groups, parts],
    },
    parts,
  };
}
