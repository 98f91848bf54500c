import assert from "node:assert/strict";
import { plain } from "../../../shaders/convolution/plain.ts";
import { checkVariant, describe, MODEL_GEOMETRIES, ODD_GEOMETRIES } from "./compare.ts";

for (const geometry of [...MODEL_GEOMETRIES, ...ODD_GEOMETRIES]) {
  Deno.test(`plain convolution equals the reference for ${describe(geometry)}`, async () => {
    const checked = await checkVariant(plain, geometry, 20_250_101);
    assert.deepEqual(checked, ["forward", "input gradient", "weight gradient"]);
  });
}
