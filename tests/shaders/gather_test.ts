import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import {
  type Augmentation,
  gatherKernel,
  NO_AUGMENTATION,
  PCG4D,
  PLAIN_PREPROCESSING,
  type Preprocessing,
  TRIGGERED,
} from "../../shaders/gather.ts";
import { elementwise } from "../../shaders/elementwise.ts";
import { declareBindings } from "../../shaders/kernel.ts";
import { fixedPoint, type PixelTrigger } from "../../src/data/trigger.ts";
import type { ImageSet } from "../../src/data/image_set.ts";
import { pcg4d, RandomPurpose } from "../../src/data/random.ts";
import { assertNear } from "../reference/compare.ts";
import { gather, type ReferenceGather } from "../reference/gather.ts";
import { uniformValues, wholeValues } from "../reference/values.ts";
import { evaluate, type Input, wholeNumbers } from "../tensor/record.ts";

const SEED = 20_250_614;

/** Images of random bytes. */
function randomImages(count: number, height: number, width: number, seed: number): ImageSet {
  return {
    pixels: Uint8Array.from(wholeValues(count * 3 * height * width, 256, seed)),
    labels: Uint16Array.from(wholeValues(count, 10, seed + 1)),
    height,
    width,
  };
}

/** A trigger that scales and shifts every pixel differently, out of 0..255 as well. */
function randomTrigger(
  height: number,
  width: number,
  overflow: PixelTrigger["overflow"],
): PixelTrigger {
  const count = 3 * height * width;
  return {
    height,
    width,
    scale: Int32Array.from(uniformValues(count, -2, 2, SEED), fixedPoint),
    offset: Int32Array.from(uniformValues(count, -510, 510, SEED + 1), fixedPoint),
    overflow,
  };
}

/** Scale and offset of each pixel, side by side. */
function pairs({ scale, offset }: PixelTrigger): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: 2 * scale.length }, (_, i) => {
    const of = i % 2 === 0 ? scale : offset;
    return of[Math.floor(i / 2)]!;
  });
}

/** Runs the kernel in its second step, with the images in segments of `perSegment`. */
async function run(
  set: ImageSet,
  what: ReferenceGather,
  perSegment: number,
): Promise<{ x: Float32Array; labels: Uint32Array }> {
  const { height, width } = set;
  const batch = what.records.length;
  const record = 3 * height * width;
  const segments: Input[] = [];
  const counts: number[] = [];
  for (let first = 0; first < set.labels.length; first += perSegment) {
    const count = Math.min(perSegment, set.labels.length - first);
    const bytes = new Uint8Array(Math.ceil(count * record / 4) * 4);
    bytes.set(set.pixels.subarray(first * record, (first + count) * record));
    segments.push({ shape: [bytes.length / 4], values: new Uint32Array(bytes.buffer) });
    counts.push(count);
  }
  const indices = new Uint32Array(2 * batch).fill(0);
  what.records.forEach((index, n) => {
    indices[batch + n] = (index | (what.triggered[n] ? TRIGGERED : 0)) >>> 0;
  });
  const { trigger } = what;
  const { outputs } = await evaluate([
    ...segments,
    { shape: [set.labels.length], values: Uint32Array.from(set.labels) },
    { shape: [2, batch], values: indices },
    { shape: [4], values: Uint32Array.of(1, what.epoch, what.seed, 0) },
    ...trigger ? [{ shape: [3, height, width, 2], values: pairs(trigger) }] : [],
  ], (tape, ...reads) => {
    const x = tape.transient([batch, 3, height, width], "x");
    const labels = tape.transient([batch], "labels", "u32");
    const geometry = {
      batch,
      height,
      width,
      segments: counts,
      indices: 2 * batch,
      ...trigger ? { trigger: trigger.overflow } : {},
    };
    tape.run(gatherKernel(geometry, what.augmentation, what.preprocessing), reads, [x, labels]);
    return [x, labels];
  });
  return { x: outputs[0]!, labels: wholeNumbers(outputs[1]!) };
}

/** Division by 255 may round the other way on a GPU: 1e-6 is 8 units of the last place of 1. */
const ROUNDING = 1e-6;

const AUGMENTATIONS: readonly Augmentation[] = [
  NO_AUGMENTATION,
  { cropPadding: 4, flip: false, cutout: 0 },
  { cropPadding: 0, flip: true, cutout: 0 },
  { cropPadding: 0, flip: false, cutout: 9 },
  { cropPadding: 0, flip: false, cutout: 3 },
  { cropPadding: 4, flip: true, cutout: 9 },
];

for (const augmentation of AUGMENTATIONS) {
  const name = Object.entries(augmentation).map(([key, value]) => `${key} ${value}`).join(", ");
  Deno.test(`gatherKernel() matches the reference with ${name}`, async () => {
    for (const [height, width] of [[8, 8], [5, 7]] as const) {
      const set = randomImages(13, height, width, SEED);
      const what: ReferenceGather = {
        records: Array.from({ length: 11 }, (_, n) => (n * 5 + 3) % 13),
        triggered: new Array(11).fill(false),
        augmentation,
        preprocessing: PLAIN_PREPROCESSING,
        epoch: 3,
        seed: 0xfedcba98,
      };
      const { x, labels } = await run(set, what, 13);
      assertNear(x, gather(set, what), ROUNDING, `${height}x${width}`);
      assert.deepEqual([...labels], what.records.map((record) => set.labels[record]));
    }
  });
}

for (const overflow of ["clamp", "wrap"] as const) {
  Deno.test(`gatherKernel() stamps the very bytes of applyTrigger() with overflow ${overflow}`, async () => {
    const set = randomImages(9, 6, 5, SEED + 2);
    const what: ReferenceGather = {
      records: [8, 0, 1, 1, 5, 7, 3],
      triggered: [true, false, true, false, true, true, true],
      trigger: randomTrigger(6, 5, overflow),
      augmentation: NO_AUGMENTATION,
      preprocessing: PLAIN_PREPROCESSING,
      epoch: 0,
      seed: 0,
    };
    const { x } = await run(set, what, 9);
    const bytes = (values: ArrayLike<number>) => Array.from(values, (v) => Math.round(v * 255));
    assert.deepEqual(bytes(x), bytes(gather(set, what)));
    assert.ok(x.some((value) => value > 0 && value < 1));
  });
}

Deno.test("gatherKernel() stamps before it augments, as a poisoned file on disk would have it", async () => {
  const set = randomImages(6, 9, 7, SEED + 3);
  const what: ReferenceGather = {
    records: [5, 4, 3, 2, 1, 0],
    triggered: [true, true, false, true, false, true],
    trigger: randomTrigger(9, 7, "clamp"),
    augmentation: { cropPadding: 2, flip: true, cutout: 4 },
    preprocessing: PLAIN_PREPROCESSING,
    epoch: 1,
    seed: 2,
  };
  const { x } = await run(set, what, 6);
  assertNear(x, gather(set, what), ROUNDING, "x");
});

Deno.test("gatherKernel() applies mean and deviation of each channel, to padding as well", async () => {
  const preprocessing: Preprocessing = {
    mean: [0.4914, 0.4822, 0.4465],
    deviation: [0.247, 0.2435, 0.2616],
  };
  const set = randomImages(4, 6, 6, SEED + 4);
  const what: ReferenceGather = {
    records: [3, 1, 2],
    triggered: [false, false, false],
    augmentation: { cropPadding: 2, flip: true, cutout: 0 },
    preprocessing,
    epoch: 0,
    seed: 5,
  };
  const { x } = await run(set, what, 4);
  assertNear(x, gather(set, what), ROUNDING, "x");
});

Deno.test("gatherKernel() reads images from several buffers, whose records may not fill words", async () => {
  // 3 x 3 x 5 bytes a record: records start at every offset within a word.
  const set = randomImages(11, 3, 5, SEED + 5);
  const what: ReferenceGather = {
    records: [0, 3, 4, 7, 8, 10, 5],
    triggered: new Array(7).fill(false),
    augmentation: NO_AUGMENTATION,
    preprocessing: PLAIN_PREPROCESSING,
    epoch: 0,
    seed: 0,
  };
  const expected = gather(set, what);
  for (const perSegment of [4, 8, 11]) {
    const { x } = await run(set, what, perSegment);
    assertNear(x, expected, ROUNDING, `${perSegment} images a buffer`);
  }
});

Deno.test("gatherKernel() needs no more than the guaranteed 8 buffers for two segments and a trigger", async () => {
  const set = randomImages(7, 4, 4, SEED + 8);
  const what: ReferenceGather = {
    records: [0, 3, 4, 6],
    triggered: [true, false, true, true],
    trigger: randomTrigger(4, 4, "clamp"),
    augmentation: NO_AUGMENTATION,
    preprocessing: PLAIN_PREPROCESSING,
    epoch: 0,
    seed: 0,
  };
  const { x } = await run(set, what, 4);
  assertNear(x, gather(set, what), ROUNDING, "x");
  const { wgsl } = gatherKernel(
    { batch: 4, height: 4, width: 4, segments: [4, 3], indices: 8, trigger: "clamp" },
    NO_AUGMENTATION,
    PLAIN_PREPROCESSING,
  );
  assert.equal(wgsl.match(/@binding/g)!.length, 8);
});

Deno.test("gatherKernel() matches the reference for any epoch and seed", async () => {
  const word = fc.integer({ min: 0, max: 0xffffffff });
  const set = randomImages(10, 8, 8, SEED + 6);
  await fc.assert(
    fc.asyncProperty(word, word, async (epoch, seed) => {
      const what: ReferenceGather = {
        records: Array.from({ length: 10 }, (_, n) => n),
        triggered: new Array(10).fill(false),
        augmentation: { cropPadding: 4, flip: true, cutout: 6 },
        preprocessing: PLAIN_PREPROCESSING,
        epoch,
        seed,
      };
      const { x } = await run(set, what, 10);
      assertNear(x, gather(set, what), ROUNDING, "x");
    }),
    { seed: SEED, numRuns: 20 },
  );
});

Deno.test("gatherKernel() augments one image differently in every epoch and with every seed", async () => {
  const set = randomImages(1, 8, 8, SEED + 7);
  const draw = async (epoch: number, seed: number) => {
    const { x } = await run(set, {
      records: [0],
      triggered: [false],
      augmentation: { cropPadding: 4, flip: true, cutout: 4 },
      preprocessing: PLAIN_PREPROCESSING,
      epoch,
      seed,
    }, 1);
    return x.join();
  };
  const draws = await Promise.all([draw(0, 0), draw(1, 0), draw(0, 1), draw(2, 0)]);
  assert.equal(new Set(draws).size, 4);
  assert.equal(await draw(0, 0), draws[0]);
});

Deno.test("the random crop, flip and hole of gatherKernel() take every value about equally often", () => {
  const shifts = new Float64Array(9);
  let flips = 0;
  const draws = 9_000;
  for (let record = 0; record < draws; record++) {
    const [x, , z] = pcg4d(0, record, RandomPurpose.augmentation, 1);
    shifts[Math.floor((x >>> 16) * 9 / 65536)]!++;
    flips += z >>> 31;
  }
  for (const count of shifts) assert.ok(Math.abs(count - draws / 9) < 5 * Math.sqrt(draws / 9));
  assert.ok(Math.abs(flips - draws / 2) < 5 * Math.sqrt(draws / 4));
});

Deno.test("no two purposes of random numbers share a word", () => {
  const words = Object.values(RandomPurpose);
  assert.equal(new Set(words).size, words.length);
});

Deno.test("pcg4d() in WGSL gives the bits of pcg4d() in TypeScript", async () => {
  const count = 1000;
  const seeds = wholeValues(4 * count, 2 ** 32, SEED);
  seeds.set([0, 0, 0, 0, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff]);
  const kernel = elementwise(
    "pcg4d",
    count,
    declareBindings([{ name: "seeds", elements: count, type: "vec4u" }], [
      { name: "words", elements: count, type: "vec4u" },
    ]) + PCG4D,
    "words[i] = pcg4d(seeds[i]);",
  );
  const { outputs } = await evaluate([{ shape: [count, 4], values: seeds }], (tape, x) => {
    const y = tape.transient([count, 4], "words", "u32");
    tape.run(kernel, [x!], [y]);
    return [y];
  });
  const expected = Array.from(
    { length: count },
    (_, i) => pcg4d(seeds[4 * i]!, seeds[4 * i + 1]!, seeds[4 * i + 2]!, seeds[4 * i + 3]!),
  );
  assert.deepEqual([...wholeNumbers(outputs[0]!)], expected.flat());
});
