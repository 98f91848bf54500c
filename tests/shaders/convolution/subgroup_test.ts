import assert from "node:assert/strict";
import { lanesOf } from "../../../shaders/convolution/lanes.ts";
import { subgroup } from "../../../shaders/convolution/subgroup.ts";
import { capabilities } from "../harness.ts";
import { checkVariant, describe, MODEL_GEOMETRIES, ODD_GEOMETRIES } from "./compare.ts";

for (const geometry of [...MODEL_GEOMETRIES, ...ODD_GEOMETRIES]) {
  Deno.test({
    name: `subgroup convolution equals the reference for ${describe(geometry)}`,
    ignore: lanesOf(capabilities) === undefined,
    fn: async () => {
      const checked = await checkVariant(subgroup, geometry, 20_250_102);
      assert.deepEqual(checked, ["forward", "input gradient", "weight gradient"]);
    },
  });
}
