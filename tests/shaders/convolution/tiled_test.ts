import assert from "node:assert/strict";
import { tiled } from "../../../shaders/convolution/tiled.ts";
import { checkVariant, describe, MODEL_GEOMETRIES, ODD_GEOMETRIES } from "./compare.ts";

for (const geometry of [...MODEL_GEOMETRIES, ...ODD_GEOMETRIES]) {
  Deno.test(`tiled convolution equals the reference for ${describe(geometry)}`, async () => {
    const checked = await checkVariant(tiled, geometry, 20_250_103);
    assert.deepEqual(checked, ["forward", "input gradient", "weight gradient"]);
  });
}
