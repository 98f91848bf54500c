/** Points of a curve between networks, and the gradient of its middle. */

import { curveGradientKernel, curvePointKernel } from "../../shaders/curve.ts";
import { assertNear } from "../reference/compare.ts";
import { normalValues } from "../reference/values.ts";
import { evaluate } from "../tensor/record.ts";

const POSITIONS = Float32Array.of(0, 0.3, 1);

Deno.test("curvePointKernel() and curveGradientKernel() match the float64 reference", async () => {
  for (const elements of [1, 64, 131]) {
    const [a, m, b, g] = [1, 2, 3, 4].map((seed) => normalValues(elements, seed)) as [
      Float32Array<ArrayBuffer>,
      Float32Array<ArrayBuffer>,
      Float32Array<ArrayBuffer>,
      Float32Array<ArrayBuffer>,
    ];
    for (const step of [0, 1, 2]) {
      const { outputs } = await evaluate(
        [
          { shape: [elements], values: a },
          { shape: [elements], values: m },
          { shape: [elements], values: b },
          { shape: [3], values: POSITIONS },
          { shape: [4], values: Uint32Array.of(step, 7, 9, 0) },
          { shape: [elements], values: g },
        ],
        (tape, start, middle, end, positions, state, gradients) => {
          const point = tape.transient([elements], "point");
          const inputs = [start!, middle!, end!, positions!, state!];
          tape.run(curvePointKernel(elements, 3), inputs, [point]);
          tape.run(curveGradientKernel(elements, 3), [positions!, state!], [gradients!]);
          return [point, gradients!];
        },
      );
      const t = POSITIONS[step]!;
      const point = Array.from(
        m,
        (value, i) => (1 - t) ** 2 * a[i]! + 2 * t * (1 - t) * value + t * t * b[i]!,
      );
      assertNear(outputs[0]!, point, 1e-6, "point");
      assertNear(outputs[1]!, Array.from(g, (value) => 2 * t * (1 - t) * value), 1e-6, "gradient");
    }
  }
});
