import { type Corruption, corruptionKernel } from "../../shaders/corruption.ts";
import { PLAIN_PREPROCESSING, type Preprocessing } from "../../shaders/gather.ts";
import { assertNear } from "../reference/compare.ts";
import { corrupt } from "../reference/corruption.ts";
import { uniformValues } from "../reference/values.ts";
import { evaluate } from "../tensor/record.ts";

const NONE: Corruption = {
  mix: { probability: 0, strength: 0.3 },
  wave: { probability: 0, amplitude: 0.1 },
  patch: { probability: 0, size: 5 },
};

const CASES: readonly (readonly [string, Corruption])[] = [
  ["nothing", NONE],
  ["mixing", { ...NONE, mix: { probability: 1, strength: 0.3 } }],
  ["waves", { ...NONE, wave: { probability: 1, amplitude: 0.4 } }],
  ["patches", { ...NONE, patch: { probability: 1, size: 5 } }],
  ["all by coins", {
    mix: { probability: 0.5, strength: 0.9 },
    wave: { probability: 0.5, amplitude: 0.2 },
    patch: { probability: 0.5, size: 4 },
  }],
];

/** What rounding may change: a wave by twice the 2^-11 by which WGSL lets a sine be off. */
function tolerance({ wave }: Corruption): number {
  return 2e-5 + (wave.probability > 0 ? wave.amplitude * 2 ** -10 : 0);
}

/** Runs the kernel in its second step. */
async function run(
  images: Float32Array<ArrayBuffer>,
  shape: { records: number[]; height: number; width: number; epoch: number; seed: number },
  corruption: Corruption,
  preprocessing: Preprocessing,
): Promise<Float32Array> {
  const { records, height, width, epoch, seed } = shape;
  const batch = records.length;
  const { outputs } = await evaluate([
    { shape: [batch, 3, height, width], values: images },
    { shape: [2, batch], values: Uint32Array.of(...records.map(() => 99), ...records) },
    { shape: [4], values: Uint32Array.of(1, epoch, seed, 0) },
  ], (tape, x, indices, state) => {
    const y = tape.transient([batch, 3, height, width], "y");
    const geometry = { batch, height, width, indices: 2 * batch };
    tape.run(corruptionKernel(geometry, corruption, preprocessing), [x!, indices!, state!], [y]);
    return [y];
  });
  return outputs[0]!;
}

for (const [name, corruption] of CASES) {
  Deno.test(`corruptionKernel() of ${name} matches the float64 reference`, async () => {
    for (const [height, width] of [[8, 8], [5, 7]] as const) {
      const records = [3, 0, 7, 7, 12];
      const shape = { records, height, width, epoch: 4, seed: 9 };
      const images = uniformValues(records.length * 3 * height * width, 0, 1, 5);
      const found = await run(images, shape, corruption, PLAIN_PREPROCESSING);
      const expected = corrupt(images, shape, corruption);
      assertNear(found, expected, tolerance(corruption), `${height}x${width}`);
    }
  });
}

Deno.test("corruptionKernel() works on pixels, whatever the network sees of them", async () => {
  const preprocessing: Preprocessing = { mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.3, 0.4] };
  const shape = { records: [1, 2, 3], height: 6, width: 5, epoch: 2, seed: 1 };
  const images = uniformValues(270, 0, 1, 5);
  const channel = (i: number) => Math.floor(i / 30) % 3;
  const seen = (value: number, i: number) =>
    (value - preprocessing.mean[channel(i)]!) / preprocessing.deviation[channel(i)]!;
  const found = await run(images.map(seen), shape, CASES[4]![1], preprocessing);
  const expected = corrupt(images, shape, CASES[4]![1]).map(seen);
  assertNear(found, expected, tolerance(CASES[4]![1]) / 0.2, "preprocessed");
});
