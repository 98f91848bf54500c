import assert from "node:assert/strict";
import { tiled } from "../../../shaders/convolution/tiled.ts";
import { capabilities, runKernel } from "../harness.ts";
import {
  checkVariant,
  describe,
  geometryOf,
  MODEL_GEOMETRIES,
  ODD_GEOMETRIES,
  onGpu,
  randomValues,
} from "./compare.ts";

/** Rows of 4, 12 and 20 pixels, channels beyond the tile, images that fill no tile of 64 pixels. */
const STAGED_GEOMETRIES = [
  geometryOf(3, 16, 8, 12, 24, 1, 2, 0),
  geometryOf(1, 32, 8, 8, 20, 3, 1, 1),
  geometryOf(4, 48, 5, 4, 16, 5, 1, 2),
  geometryOf(2, 16, 9, 20, 16, 3, 2, 0),
];

for (const geometry of [...MODEL_GEOMETRIES, ...ODD_GEOMETRIES, ...STAGED_GEOMETRIES]) {
  Deno.test(`tiled convolution equals the reference for ${describe(geometry)}`, async () => {
    await checkVariant(onGpu(tiled), geometry, 20_250_104);
    const checked = await checkVariant(tiled, geometry, 20_250_103);
    assert.deepEqual(checked, ["forward", "input gradient", "weight gradient"]);
  });
}

Deno.test("tiled convolution folds more tiles of pixels than a dispatch has workgroups in a row", async () => {
  // 33,280 tiles of 64 pixels: a row of 32,768, and the rest in a second that is not full.
  const geometry = geometryOf(1, 1, 2048, 1040, 1, 1, 1, 0);
  const pixels = 2048 * 1040;
  const x = randomValues(pixels, 7);
  const w = Float32Array.of(0.5);
  const [forward] = tiled.forward(geometry, capabilities, { statistics: true });
  assert.ok(forward!.workgroups[2] > 1 && forward!.workgroups[0] <= 65_535);
  const [y, statistics] = await runKernel(forward!, [x, w], [pixels, forward!.parts * 2]);
  assert.ok(y!.every((value, i) => value === 0.5 * x[i]!));
  for (const part of [0, 32_767, 32_768, 33_279]) {
    const values = y!.subarray(part * 64, (part + 1) * 64);
    const mean = values.reduce((sum, value) => sum + value, 0) / 64;
    assert.ok(Math.abs(statistics![2 * part]! - mean) < 1e-6, `mean of part ${part}`);
  }
  const [inputGradient] = tiled.inputGradient(geometry, capabilities);
  const [dx] = await runKernel(inputGradient!, [x, w], [pixels]);
  assert.ok(dx!.every((value, i) => value === 0.5 * x[i]!));
});
