import assert from "node:assert/strict";
import { plain } from "../../../shaders/convolution/plain.ts";
import { lanesOf } from "../../../shaders/convolution/lanes.ts";
import { subgroup } from "../../../shaders/convolution/subgroup.ts";
import { tiled } from "../../../shaders/convolution/tiled.ts";
import {
  type ForwardFusion,
  type InputGradientFusion,
  outputExtent,
} from "../../../shaders/convolution/use.ts";
import { capabilities } from "../harness.ts";
import { describe, geometryOf, onGpu } from "./compare.ts";
import {
  checkForwardFusion,
  checkInputGradientFusion,
  checkWeightGradientFusion,
} from "./compare_fusions.ts";

const GEOMETRIES = [
  geometryOf(2, 16, 32, 32, 16, 3, 1, 1),
  geometryOf(2, 16, 16, 16, 32, 3, 2, 1),
  geometryOf(2, 8, 16, 16, 16, 1, 2, 0),
  geometryOf(2, 64, 8, 8, 64, 3, 1, 1),
  geometryOf(2, 5, 7, 9, 11, 3, 1, 1),
  geometryOf(1, 3, 12, 12, 10, 5, 3, 2),
];

const FORWARD: readonly ForwardFusion[] = [
  { normaliseInput: true },
  { addResidual: true },
  { statistics: true },
  { normaliseInput: true, addResidual: true, statistics: true },
];

const INPUT_GRADIENT: readonly InputGradientFusion[] = [
  { addAddend: true },
  { normalised: true },
  { addAddend: true, normalised: true },
];

/** Variants, and whether they write partial results of `values` values a channel. */
const VARIANTS = [
  { variant: plain, reduces: () => false, ignore: false },
  { variant: tiled, reduces: (values: number) => values % 64 === 0, ignore: false },
  { variant: onGpu(tiled), reduces: (values: number) => values % 64 === 0, ignore: false },
  { variant: subgroup, reduces: () => true, ignore: lanesOf(capabilities) === undefined },
];

for (const { variant, reduces, ignore } of VARIANTS) {
  for (const geometry of GEOMETRIES) {
    const { batch, height, width } = geometry;
    const out = outputExtent(geometry);
    const name = `${variant.name} for ${describe(geometry)}`;
    Deno.test({
      name: `fused forward convolution equals the reference, ${name}`,
      ignore,
      fn: async () => {
        for (const fusion of FORWARD) {
          const offered = await checkForwardFusion(variant, geometry, fusion, 7);
          const expected = !fusion.statistics || reduces(batch * out.height * out.width);
          assert.equal(offered, expected, JSON.stringify(fusion));
        }
      },
    });
    Deno.test({
      name: `fused input gradient equals the reference, ${name}`,
      ignore,
      fn: async () => {
        for (const fusion of INPUT_GRADIENT) {
          const offered = await checkInputGradientFusion(variant, geometry, fusion, 8);
          const expected = !fusion.normalised || reduces(batch * height * width);
          assert.equal(offered, expected, JSON.stringify(fusion));
        }
      },
    });
    Deno.test({
      name: `fused weight gradient equals the reference, ${name}`,
      ignore,
      fn: async () => assert.ok(await checkWeightGradientFusion(variant, geometry, 9)),
    });
  }
}
