import { PLAIN_PREPROCESSING, type Preprocessing } from "../../shaders/gather.ts";
import { maskPenalty, stamp } from "../../src/audit/operations.ts";
import { checkOperation } from "../tensor/check_operation.ts";
import { normalInput } from "../tensor/record.ts";

const SEED = 20_261_123;

const sigmoid = (a: number) => 1 / (1 + Math.exp(-a));

/** (1 - m) x + m p in float64, with p as the network sees it. */
function reference(
  x: Float64Array,
  latent: Float64Array,
  plane: number,
  { mean, deviation }: Preprocessing,
): Float64Array {
  return x.map((value, i) => {
    const c = Math.floor(i / plane) % 3;
    const m = sigmoid(latent[i % plane]!);
    const p = sigmoid(latent[(c + 1) * plane + i % plane]!);
    return (1 - m) * value + m * (p - mean[c]!) / deviation[c]!;
  });
}

const NORMALISED: Preprocessing = { mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.25, 0.5] };

for (const [batch, height, width] of [[1, 1, 1], [3, 5, 7], [4, 8, 8]] as const) {
  for (const preprocessing of [PLAIN_PREPROCESSING, NORMALISED]) {
    const kind = preprocessing === NORMALISED ? "normalised" : "plain";
    const name =
      `stamp() matches float64 and its differences, ${batch}x3x${height}x${width} ${kind}`;
    Deno.test(name, async () => {
      await checkOperation({
        inputs: [
          normalInput([batch, 3, height, width], SEED),
          normalInput([4, height, width], SEED + 1),
        ],
        operation: (tape, x, latent) => stamp(tape, x!, latent!, preprocessing),
        reference: (x, latent) => reference(x!, latent!, height * width, preprocessing),
        sources: [1],
      });
    });
  }
}

for (const [height, width] of [[1, 1], [5, 7], [16, 16]] as const) {
  Deno.test(`maskPenalty() matches float64 and its differences, ${height}x${width}`, async () => {
    const plane = height * width;
    await checkOperation({
      inputs: [
        normalInput([4, height, width], SEED),
        { shape: [1], values: Float32Array.of(0.375) },
      ],
      operation: (tape, latent, weight) => maskPenalty(tape, latent!, weight!),
      reference: (latent, weight) =>
        Float64Array.of(
          weight![0]! * latent!.subarray(0, plane).reduce((a, b) => a + sigmoid(b), 0),
        ),
      sources: [0],
    });
  });
}
