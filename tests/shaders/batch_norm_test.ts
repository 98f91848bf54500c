import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import type { FeatureMaps } from "../../shaders/channel_sweep.ts";
import { batchNorm, type Mode } from "../../src/tensor/operations/batch_norm.ts";
import type { Tape } from "../../src/tensor/tape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { batchNormTraining, normalize, updatedStatistics } from "../../src/reference/batch_norm.ts";
import { assertNear } from "../reference/compare.ts";
import { relu as positivePart } from "../reference/relu.ts";
import { normalValues, uniformValues } from "../reference/values.ts";
import { checkOperation } from "../tensor/check_operation.ts";
import { evaluate, type Input } from "../tensor/record.ts";

const SEED = 20_250_611;

/** Round shapes, and shapes that neither lanes (64) nor slices (16) divide. */
const SHAPES: readonly FeatureMaps[] = [
  { n: 4, c: 16, h: 8, w: 8 },
  { n: 3, c: 5, h: 7, w: 9 },
  { n: 19, c: 2, h: 3, w: 3 },
  { n: 2, c: 1, h: 11, w: 13 },
  { n: 1, c: 3, h: 33, w: 35 },
  { n: 5, c: 70, h: 1, w: 2 },
];

const describe = ({ n, c, h, w }: FeatureMaps) => `(${n},${c},${h},${w})`;

/** x, gamma, beta, running mean and variance. */
function inputsOf({ n, c, h, w }: FeatureMaps, seed: number): Input[] {
  return [
    { shape: [n, c, h, w], values: normalValues(n * c * h * w, seed) },
    { shape: [c], values: normalValues(c, seed + 1) },
    { shape: [c], values: normalValues(c, seed + 2) },
    { shape: [c], values: normalValues(c, seed + 3) },
    { shape: [c], values: uniformValues(c, 0.1, 2, seed + 4) },
  ];
}

const operation =
  (mode: Mode, relu: boolean) =>
  (tape: Tape, x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor) =>
    batchNorm(tape, x, { gamma, beta, runningMean: mean, runningVariance: variance }, {
      mode,
      relu,
    });

const reference = (maps: FeatureMaps, mode: Mode, relu: boolean) =>
(
  x: Float64Array,
  gamma: Float64Array,
  beta: Float64Array,
  mean: Float64Array,
  variance: Float64Array,
) => {
  const y = mode === "training"
    ? batchNormTraining(maps, x, gamma, beta)
    : normalize(maps, x, gamma, beta, { mean, variance });
  return relu ? positivePart(y) : y;
};

/** Finite differences cost a forward pass an element, so large shapes are checked forwards only. */
const DIFFERENTIABLE_ELEMENTS = 1000;

for (const mode of ["training", "evaluation"] as const) {
  for (const relu of [false, true]) {
    for (const maps of SHAPES) {
      const small = maps.n * maps.c * maps.h * maps.w <= DIFFERENTIABLE_ELEMENTS;
      const what = small ? "and its gradients match" : "matches";
      Deno.test(`batchNorm() in ${mode}${relu ? " with relu" : ""} ${what} the float64 reference at ${describe(maps)}`, async () => {
        await checkOperation({
          inputs: inputsOf(maps, SEED),
          operation: operation(mode, relu),
          reference: reference(maps, mode, relu),
          sources: small ? [0, 1, 2] : [1, 2],
          tolerance: 2e-5,
        });
      });
    }
  }
}

Deno.test("batchNorm() keeps running statistics as PyTorch does, with the unbiased variance", async () => {
  for (const maps of SHAPES) {
    const inputs = inputsOf(maps, SEED);
    const { outputs } = await evaluate(inputs, (tape, ...tensors) => {
      operation("training", false)(
        tape,
        tensors[0]!,
        tensors[1]!,
        tensors[2]!,
        tensors[3]!,
        tensors[4]!,
      );
      return tensors.slice(3);
    });
    const [x, , , mean, variance] = inputs.map((input) => input.values);
    const expected = updatedStatistics(maps, x!, { mean: mean!, variance: variance! });
    assertNear(outputs[0]!, expected.mean, 1e-6, `running mean at ${describe(maps)}`);
    assertNear(outputs[1]!, expected.variance, 1e-6, `running variance at ${describe(maps)}`);
  }
});

Deno.test("batchNorm() in evaluation leaves the running statistics as they are", async () => {
  const inputs = inputsOf(SHAPES[1]!, SEED);
  const { outputs } = await evaluate(inputs, (tape, x, gamma, beta, mean, variance) => {
    const y = operation("evaluation", false)(tape, x!, gamma!, beta!, mean!, variance!);
    return [y, mean!, variance!];
  });
  assert.deepEqual(outputs[1], inputs[3]!.values);
  assert.deepEqual(outputs[2], inputs[4]!.values);
});

Deno.test("batchNorm() loses no precision where the mean is far larger than the deviation", async () => {
  const maps = { n: 6, c: 3, h: 9, w: 8 };
  const x = normalValues(6 * 3 * 9 * 8, SEED).map((value) => Math.fround(1000 + value));
  const inputs = inputsOf(maps, SEED).with(0, { shape: [6, 3, 9, 8], values: x });
  const { outputs } = await evaluate(
    inputs,
    (tape, x, gamma, beta, mean, variance) => [
      operation("training", false)(tape, x!, gamma!, beta!, mean!, variance!),
      variance!,
    ],
  );
  const [, gamma, beta, mean, variance] = inputs.map((input) => input.values);
  // scale x + shift rounds at the size of 1000 scale: 2^-24 of it is 6e-5.
  assertNear(outputs[0]!, batchNormTraining(maps, x, gamma!, beta!), 2e-4, "result");
  const expected = updatedStatistics(maps, x, { mean: mean!, variance: variance! });
  assertNear(outputs[1]!, expected.variance, 1e-5, "running variance");
});

Deno.test("batchNorm() of a constant channel gives beta, and gamma no gradient", async () => {
  const maps = { n: 3, c: 2, h: 4, w: 5 };
  const inputs = inputsOf(maps, SEED).with(0, {
    shape: [3, 2, 4, 5],
    values: new Float32Array(3 * 2 * 4 * 5).fill(0.25),
  });
  await checkOperation({
    inputs,
    operation: operation("training", false),
    reference: reference(maps, "training", false),
    sources: [1, 2],
  });
});

Deno.test("batchNorm() matches the float64 reference at shapes and scales drawn at random", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        n: fc.integer({ min: 1, max: 20 }),
        c: fc.integer({ min: 1, max: 9 }),
        h: fc.integer({ min: 2, max: 20 }),
        w: fc.integer({ min: 1, max: 20 }),
      }),
      fc.double({ min: 0.01, max: 100, noNaN: true }),
      fc.integer({ min: 0, max: 1e6 }),
      async (maps, scale, seed) => {
        const inputs = inputsOf(maps, seed);
        const x = inputs[0]!.values.map((value) => Math.fround(value * scale)) as Float32Array<
          ArrayBuffer
        >;
        await checkOperation({
          inputs: inputs.with(0, { ...inputs[0]!, values: x }),
          operation: operation("training", true),
          reference: reference(maps, "training", true),
          sources: [1, 2],
          tolerance: 5e-5,
        });
      },
    ),
    { seed: SEED, numRuns: 6 },
  );
});

Deno.test("batchNorm() throws where a parameter is not one number a channel", async () => {
  const inputs = inputsOf({ n: 2, c: 3, h: 4, w: 4 }, SEED)
    .with(2, { shape: [4], values: new Float32Array(4) });
  await assert.rejects(
    evaluate(
      inputs,
      (tape, x, gamma, beta, mean, variance) => [
        operation("training", false)(tape, x!, gamma!, beta!, mean!, variance!),
      ],
    ),
    new RangeError("cannot normalise input 0: input 2 has shape [4], expected [3]"),
  );
});
