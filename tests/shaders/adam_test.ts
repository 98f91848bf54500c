import { ADAM_EPSILON, adamKernel, type AdamSettings } from "../../shaders/adam.ts";
import { assertNear } from "../reference/compare.ts";
import { normalValues } from "../reference/values.ts";
import { evaluate } from "../tensor/record.ts";

const SEED = 20_261_125;

/** Steps 1 to `steps` of algorithm 1 of the paper, in float64, with the same gradients each time. */
function reference(
  parameters: Float32Array,
  gradients: Float32Array,
  steps: number,
  { learningRate, beta1, beta2 }: AdamSettings,
) {
  const first = new Float64Array(parameters.length);
  const second = new Float64Array(parameters.length);
  const moved = Float64Array.from(parameters);
  for (let t = 1; t <= steps; t++) {
    for (const [i, g] of gradients.entries()) {
      first[i] = beta1 * first[i]! + (1 - beta1) * g;
      second[i] = beta2 * second[i]! + (1 - beta2) * g * g;
      const mean = first[i]! / (1 - beta1 ** t);
      const square = second[i]! / (1 - beta2 ** t);
      moved[i]! -= learningRate * mean / (Math.sqrt(square) + ADAM_EPSILON);
    }
  }
  return { first, second, moved };
}

for (
  const settings of [
    { learningRate: 0.1, beta1: 0.5, beta2: 0.9 },
    { learningRate: 0.001, beta1: 0.9, beta2: 0.999 },
  ]
) {
  const name = Object.values(settings).join(", ");
  Deno.test(`adamKernel() matches the float64 reference over three steps with ${name}`, async () => {
    for (const elements of [1, 131]) {
      const parameters = normalValues(elements, SEED);
      const gradients = normalValues(elements, SEED + 1);
      const { outputs } = await evaluate(
        [
          { shape: [elements], values: gradients },
          { shape: [4], values: Uint32Array.of(0, 7, 9, 0) },
          { shape: [4], values: Uint32Array.of(1, 7, 9, 0) },
          { shape: [4], values: Uint32Array.of(2, 7, 9, 0) },
          { shape: [elements], values: parameters },
          { shape: [elements], values: new Float32Array(elements) },
          { shape: [elements], values: new Float32Array(elements) },
        ],
        (tape, g, step0, step1, step2, p, first, second) => {
          for (const state of [step0, step1, step2]) {
            tape.run(adamKernel(elements, settings), [g!, state!], [p!, first!, second!]);
          }
          return [p!, first!, second!];
        },
      );
      const { moved, first, second } = reference(parameters, gradients, 3, settings);
      assertNear(outputs[0]!, moved, 1e-5, "parameters");
      assertNear(outputs[1]!, first, 1e-5, "mean gradient");
      assertNear(outputs[2]!, second, 1e-5, "mean square");
    }
  });
}
