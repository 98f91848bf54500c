import assert from "node:assert/strict";
import type { AttentionOperator } from "../../shaders/attention.ts";
import { ModelError } from "../../src/errors.ts";
import { attentionDistance, attentionMap } from "../../src/tensor/operations/attention.ts";
import type { Tape } from "../../src/tensor/tape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import * as reference from "../../src/reference/attention.ts";
import { assertNear } from "../reference/compare.ts";
import { adaptivePool, averagePool } from "../reference/pool.ts";
import { normalValues } from "../reference/values.ts";
import { checkOperation } from "../tensor/check_operation.ts";
import { differentiate, evaluate, normalInput } from "../tensor/record.ts";

/** N, C, H, W */
const SHAPES = [[4, 16, 8, 8], [3, 5, 7, 9], [2, 1, 1, 3], [1, 7, 33, 1]] as const;
const POWERS = [1, 2, 3, 4, 2.5];
const meanDistance = (tape: Tape, ...[a, b]: Tensor[]) => attentionDistance(tape, a!, b!);

for (const reduction of ["sum", "mean"] as const) {
  for (const power of POWERS) {
    Deno.test(`attentionMap() by ${reduction} of power ${power} and its gradient match the float64 reference`, async () => {
      for (const [n, c, h, w] of SHAPES) {
        const geometry = { batch: n, channels: c, pixels: h * w };
        const operator = { reduction, power };
        await checkOperation({
          inputs: [normalInput([n, c, h, w], 1)],
          operation: (tape, f) => attentionMap(tape, f, operator),
          reference: (f) => reference.attentionMap(f, geometry, operator),
          sources: n * c * h * w > 1000 ? [] : [0],
          tolerance: 2e-5,
        });
      }
    });
  }
}

Deno.test("attentionMap() has the map 0 and the gradient 0 where an activation is 0", async () => {
  for (const power of POWERS) {
    const { y, gradients } = await differentiate(
      [{ shape: [2, 3, 2, 2], values: new Float32Array(24) }],
      (tape, f) => attentionMap(tape, f, { reduction: "sum", power }),
    );
    assert.deepEqual([...y].map(Math.abs), new Array(8).fill(0), `power ${power}`);
    assert.deepEqual([...gradients[0]!].map(Math.abs), new Array(24).fill(0), `power ${power}`);
  }
});

for (const [batch, h, w] of [[4, 8, 8], [3, 7, 5], [2, 1, 2], [1, 16, 16]] as const) {
  Deno.test(`attentionDistance() and its gradient match the float64 reference at ${batch}x${h}x${w}`, async () => {
    const teacher = positive(normalInput([batch, 1, h, w], 2));
    await checkOperation({
      inputs: [positive(normalInput([batch, 1, h, w], 1)), teacher],
      operation: meanDistance,
      reference: (a, b) => Float64Array.of(reference.attentionDistance(a, b, h * w)),
      sources: [0],
    });
  });
}

Deno.test("attentionDistance() by L2 and its gradient match the float64 reference", async () => {
  for (const [batch, h, w] of [[4, 8, 8], [3, 7, 5], [1, 40, 31]] as const) {
    await checkOperation({
      inputs: [
        positive(normalInput([batch, 1, h, w], 1)),
        positive(normalInput([batch, 1, h, w], 2)),
      ],
      operation: (tape, a, b) => attentionDistance(tape, a!, b!, "l2"),
      reference: (a, b) =>
        Float64Array.of(reference.attentionDistance(a, b, h * w, { distance: "l2" })),
      sources: [0],
    });
  }
});

Deno.test("attentionDistance() of raw activations compares channels and divides by pixels", async () => {
  for (const distance of ["mean", "l2"] as const) {
    await checkOperation({
      inputs: [normalInput([2, 5, 4, 3], 1), normalInput([2, 5, 4, 3], 2)],
      operation: (tape, a, b) => attentionDistance(tape, a!, b!, distance),
      reference: (a, b) =>
        Float64Array.of(reference.attentionDistance(a, b, 60, { distance, pixels: 12 })),
      sources: [0],
    });
  }
});

Deno.test("attentionDistance() throws where the numbers of channels differ", async () => {
  await assert.rejects(
    evaluate(
      [normalInput([2, 5, 4, 3], 1), normalInput([2, 4, 4, 3], 2)],
      (tape, a, b) => [attentionDistance(tape, a!, b!)],
    ),
    new ModelError(
      "cannot compare 5 channels of input 0 with 4 of the teacher's: expected equally many; distil " +
        "attention maps instead",
    ),
  );
});

Deno.test("attentionDistance() of maps of two sizes pools both to the smaller extents", async () => {
  const student = positive(normalInput([2, 1, 8, 6], 1));
  const teacher = positive(normalInput([2, 1, 5, 9], 2));
  const fit = (map: Float64Array, h: number, w: number) =>
    averagePool(adaptivePool(2, h, w, 5, 6), map);
  await checkOperation({
    inputs: [student, teacher],
    operation: meanDistance,
    reference: (a, b) =>
      Float64Array.of(reference.attentionDistance(fit(a, 8, 6), fit(b, 5, 9), 30)),
    sources: [0],
  });
});

Deno.test("attentionDistance() is 0 with gradient 0 between equal maps", async () => {
  const map = positive(normalInput([3, 1, 4, 4], 1));
  for (const distance of ["mean", "l2"] as const) {
    const { y, gradients } = await differentiate(
      [map, map],
      (tape, a, b) => attentionDistance(tape, a!, b!, distance),
      [0],
    );
    assert.deepEqual([...y], [0]);
    assert.deepEqual([...gradients[0]!].map(Math.abs), new Array(48).fill(0));
  }
});

Deno.test("attentionDistance() of a map of zeros stays finite", async () => {
  const zeros = { shape: [2, 1, 3, 3], values: new Float32Array(18) };
  const teacher = positive(normalInput([2, 1, 3, 3], 2));
  const { y, gradients } = await differentiate([zeros, teacher], meanDistance, [0]);
  assertNear(y, [reference.attentionDistance(zeros.values, teacher.values, 9)], 1e-6, "loss");
  assert.ok(gradients[0]!.every(Number.isFinite));
});

Deno.test("attentionDistance() leaves the teacher without a gradient", async () => {
  const map = positive(normalInput([2, 1, 3, 3], 1));
  await assert.rejects(
    differentiate([map, map], meanDistance, [1]),
    new RangeError("cannot differentiate: no loss depends on input 1"),
  );
});

Deno.test("attention maps and their distance together match the float64 reference", async () => {
  const geometry = { batch: 3, channels: 4, pixels: 30 };
  const shape = [3, 4, 6, 5];
  for (const reduction of ["sum", "mean"] as const) {
    const operator: AttentionOperator = { reduction, power: 2 };
    const teacher = normalValues(360, 8);
    await checkOperation({
      inputs: [normalInput(shape, 7), { shape, values: teacher }],
      operation: (tape: Tape, f: Tensor, g: Tensor) =>
        attentionDistance(tape, attentionMap(tape, f, operator), attentionMap(tape, g, operator)),
      reference: (f, g) =>
        Float64Array.of(reference.attentionDistance(
          reference.attentionMap(f, geometry, operator),
          reference.attentionMap(g, geometry, operator),
          30,
        )),
      sources: [0],
      tolerance: 2e-5,
    });
  }
});

Deno.test("attentionMap() refuses a 1x1 activation, whose normalised map would be constant", async () => {
  await assert.rejects(
    evaluate(
      [normalInput([2, 8, 1, 1], 1)],
      (tape, f) => [attentionMap(tape, f!, { reduction: "sum", power: 2 })],
    ),
    new ModelError(
      "cannot distil the attention of input 0: its map is 1x1, constant once normalised; " +
        "tap an activation before the global pooling",
    ),
  );
});

Deno.test("attentionMap() throws for powers below 1 and NaN", async () => {
  for (const power of [0.5, 0, -1, NaN]) {
    await assert.rejects(
      evaluate(
        [normalInput([2, 8, 2, 2], 1)],
        (tape, f) => [attentionMap(tape, f!, { reduction: "sum", power })],
      ),
      new RangeError(`expected an attention power of at least 1, found ${power}`),
    );
  }
});

Deno.test("attentionDistance() throws where the numbers of samples differ", async () => {
  await assert.rejects(
    evaluate(
      [normalInput([2, 1, 4, 4], 1), normalInput([3, 1, 4, 4], 2)],
      (tape, a, b) => [attentionDistance(tape, a!, b!)],
    ),
    new RangeError("cannot compare attention of 2 and 3 samples"),
  );
});

/** Maps are sums of magnitudes, and so never negative. */
function positive(input: { shape: readonly number[]; values: Float32Array }) {
  return { shape: input.shape, values: Float32Array.from(input.values, Math.abs) };
}
