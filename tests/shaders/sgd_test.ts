import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { sgdKernel, type SgdSettings } from "../../shaders/sgd.ts";
import { assertNear } from "../reference/compare.ts";
import { sgdStep } from "../reference/sgd.ts";
import { normalValues } from "../reference/values.ts";
import { evaluate, wholeNumbers } from "../tensor/record.ts";

const SEED = 20_250_613;

/** One step of the kernel, and of the reference; the learning rate is that of the state's step. */
async function compare(elements: number, settings: SgdSettings, seed: number): Promise<void> {
  const parameters = normalValues(elements, seed);
  const velocity = normalValues(elements, seed + 1);
  const gradients = normalValues(elements, seed + 2);
  const rates = Float32Array.of(1, 0.1, 10);
  const { outputs } = await evaluate(
    [
      { shape: [elements], values: gradients },
      { shape: [3], values: rates },
      { shape: [2], values: Float32Array.of(1, 2) },
      { shape: [elements], values: parameters },
      { shape: [elements], values: velocity },
      { shape: [4], values: Uint32Array.of(1, 7, 9, 0) },
    ],
    (tape, g, r, s, p, v, state) => {
      const geometry = { elements, statistics: 2, steps: 3 };
      tape.run(sgdKernel(geometry, settings), [g!, r!, s!], [p!, v!, state!]);
      return [p!, v!, state!];
    },
  );
  assert.deepEqual([...wholeNumbers(outputs[2]!)], [1, 7, 9, 0], "nothing is NaN or infinite");
  const expected = sgdStep(parameters, velocity, gradients, 0.1, settings);
  assertNear(outputs[0]!, expected.parameters, 1e-6, "parameters");
  assertNear(outputs[1]!, expected.velocity, 1e-6, "velocity");
}

for (
  const settings of [
    { momentum: 0, nesterov: false, weightDecay: 0 },
    { momentum: 0.9, nesterov: false, weightDecay: 0 },
    { momentum: 0.9, nesterov: true, weightDecay: 0 },
    { momentum: 0.9, nesterov: true, weightDecay: 1e-4 },
    { momentum: 0.5, nesterov: false, weightDecay: 0.25 },
    { momentum: 0.9, nesterov: true, weightDecay: 1e-7 },
  ]
) {
  const name = Object.entries(settings).map(([key, value]) => `${key} ${value}`).join(", ");
  Deno.test(`sgdKernel() matches the float64 reference with ${name}`, async () => {
    await compare(64, settings, SEED);
    await compare(131, settings, SEED + 10);
  });
}

Deno.test("sgdKernel() matches the float64 reference for settings drawn at random", async () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 300 }),
      fc.record({ momentum: share, nesterov: fc.boolean(), weightDecay: share }),
      (elements, settings) => compare(elements, settings, SEED),
    ),
    { seed: SEED, numRuns: 6 },
  );
});

Deno.test("sgdKernel() tells of every NaN and infinity among parameters, momentum and statistics", async () => {
  const settings = { momentum: 0.9, nesterov: true, weightDecay: 1e-4 };
  const elements = 70;
  const sound = [elements, 1, 66, elements, elements].map((count) => new Float32Array(count));
  const told = async (tensor: number, at: number, value: number) => {
    const values = sound.map((array) => Float32Array.from(array));
    values[tensor]![at] = value;
    const state = { shape: [4], values: new Uint32Array(4) };
    const inputs = [...values.map((array) => ({ shape: [array.length], values: array })), state];
    const { outputs } = await evaluate(inputs, (tape, g, r, s, p, v, state) => {
      const kernel = sgdKernel({ elements, statistics: 66, steps: 1 }, settings);
      tape.run(kernel, [g!, r!, s!], [p!, v!, state!]);
      return [state!];
    });
    return wholeNumbers(outputs[0]!)[3];
  };
  for (
    const [tensor, name] of ["gradients", "", "statistics", "parameters", "velocity"].entries()
  ) {
    if (name === "") continue;
    for (const value of [NaN, -NaN, Infinity, -Infinity]) {
      for (const at of [0, 65]) assert.equal(await told(tensor, at, value), 1, `${name}: ${value}`);
    }
    assert.equal(await told(tensor, 65, 3e37), 0, `${name}: a large number`);
    assert.equal(await told(tensor, 65, 1e-45), 0, `${name}: a denormal number`);
  }
});
