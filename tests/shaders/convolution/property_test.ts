import fc from "npm:fast-check@4.10.2";
import { plain } from "../../../shaders/convolution/plain.ts";
import { lanesOf } from "../../../shaders/convolution/lanes.ts";
import { subgroup } from "../../../shaders/convolution/subgroup.ts";
import { tiled } from "../../../shaders/convolution/tiled.ts";
import type { ConvolutionGeometry } from "../../../shaders/convolution/use.ts";
import { capabilities } from "../harness.ts";
import { checkVariant, isValid } from "./compare.ts";

const SEED = Math.floor(Math.random() * 2 ** 31);

/** Any small geometry: odd kernels, every stride and padding, sizes that nothing divides. */
const GEOMETRY: fc.Arbitrary<ConvolutionGeometry> = fc.record({
  batch: fc.integer({ min: 1, max: 5 }),
  inChannels: fc.integer({ min: 1, max: 19 }),
  height: fc.integer({ min: 1, max: 14 }),
  width: fc.integer({ min: 1, max: 18 }),
  outChannels: fc.integer({ min: 1, max: 19 }),
  kernelSize: fc.constantFrom(1, 3, 5),
  stride: fc.integer({ min: 1, max: 3 }),
  padding: fc.integer({ min: 0, max: 3 }),
}).filter(isValid);

for (const variant of [plain, tiled, subgroup]) {
  Deno.test({
    name: `${variant.name} convolution equals the reference for any geometry (seed ${SEED})`,
    ignore: variant === subgroup && lanesOf(capabilities) === undefined,
    fn: () =>
      fc.assert(
        fc.asyncProperty(GEOMETRY, fc.nat(), async (geometry, valueSeed) => {
          await checkVariant(variant, geometry, valueSeed);
        }),
        { seed: SEED, numRuns: 8 },
      ),
  });
}
