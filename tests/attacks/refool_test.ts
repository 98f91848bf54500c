import assert from "node:assert/strict";
import { readTriggerFiles } from "../../src/attacks/backdoor.ts";
import { refool } from "../../src/attacks/refool.ts";
import { gaussianBlur, shift } from "../../src/attacks/reflection.ts";
import { triggeredImage } from "../../src/data/trigger.ts";
import { FormatError, UsageError } from "../../src/errors.ts";
import { encodePng } from "../../src/formats/png_write.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { wholeValues } from "../reference/values.ts";

const SIZE = { height: 12, width: 10 };
const COUNT = 360;

const bytes = (seed: number) => Uint8Array.from(wholeValues(COUNT, 256, seed));
const image = bytes(1);

/** Options that reflect one picture, always with a share of one half. */
async function halfOf(pictures: readonly Uint8Array<ArrayBuffer>[], kind: string) {
  let options: Record<string, string> = {};
  await withTemporaryFolder(async (folder) => {
    for (const [i, pixels] of pictures.entries()) {
      await Deno.writeFile(`${folder}/${i}.png`, encodePng({ ...SIZE, pixels }));
    }
    const described = await readTriggerFiles({
      name: "refool",
      target: { mode: "all2one", label: 0 },
      options: { reflections: { file: folder }, kind, weakest: "0.5", strongest: "0.5" },
      seed: 3,
    }, SIZE);
    options = { ...described.options };
  });
  return options;
}

const apply = (options: Record<string, string>, seed: number, index: number) =>
  triggeredImage(refool.trigger({ ...SIZE, seed, options }), image, index);

Deno.test("refool in focus mixes image and reflection", async () => {
  const reflection = bytes(2);
  const options = await halfOf([reflection], "in-focus");
  assert.deepEqual(apply(options, 1, 0), image.map((x, i) => (x + reflection[i]!) >> 1));
});

Deno.test("refool reflects every picture of a folder, a different one for each image", async () => {
  const pictures = [bytes(3), bytes(4), bytes(5)];
  const options = await halfOf(pictures, "in-focus");
  const expected = pictures.map((r) => image.map((x, i) => (x + r[i]!) >> 1).join());
  const found = Array.from({ length: 30 }, (_, index) => apply(options, 1, index).join());
  assert.deepEqual(new Set(found), new Set(expected));
});

Deno.test("refool out of focus and as a ghost reflects a flat picture unchanged", async () => {
  for (const kind of ["out-of-focus", "ghost", "mixed"]) {
    const options = await halfOf([new Uint8Array(COUNT).fill(201)], kind);
    for (const index of [0, 1, 2]) {
      const found = apply(options, 1, index);
      // Weights that sum to 1 but for rounding may take the last bit, and with it one grey level.
      found.forEach((byte, i) => assert.ok(Math.abs(byte - (image[i]! + 201) / 2) <= 1));
    }
  }
});

Deno.test("refool is a pure function of image, index and seed, with reflections drawn from the seed", () => {
  const copy = image.slice();
  assert.deepEqual(apply({}, 1, 7), apply({}, 1, 7));
  assert.notDeepEqual(apply({}, 1, 7), apply({}, 1, 8));
  assert.notDeepEqual(apply({}, 1, 7), apply({}, 2, 7));
  assert.deepEqual(image, copy);
});

Deno.test("gaussianBlur() spreads a point as the normal distribution, rows and columns alike", () => {
  const size = { height: 9, width: 11 };
  const point = new Float64Array(99);
  point[4 * 11 + 5] = 1000;
  const blurred = gaussianBlur(point, size, 1);
  const at = (row: number, column: number) => blurred[(4 + row) * 11 + 5 + column]!;
  assert.ok(Math.abs(blurred.reduce((sum, value) => sum + value, 0) - 1000) < 1e-6);
  assert.ok(Math.abs(at(0, 0) - 1000 / (2 * Math.PI)) < 0.2);
  assert.ok(Math.abs(at(0, 1) / at(0, 0) - Math.exp(-0.5)) < 1e-12);
  assert.ok(Math.abs(at(2, 1) / at(0, 0) - Math.exp(-2.5)) < 1e-12);
});

Deno.test("shift() moves down and right, between pixels linearly, and repeats the border", () => {
  const size = { height: 2, width: 3 };
  const map = Float64Array.of(1, 2, 4, 11, 12, 14);
  assert.deepEqual([...shift(map, size, 0, 1)], [1, 1, 2, 11, 11, 12]);
  assert.deepEqual([...shift(map, size, 1, 0)], [1, 2, 4, 1, 2, 4]);
  assert.deepEqual([...shift(map, size, 0.5, 0.5)], [1, 1.5, 3, 6, 6.5, 8]);
});

Deno.test("refool refuses shares out of order, unknown kinds and folders without pictures", async () => {
  const refuse = (options: Record<string, string>) =>
    assert.throws(() => refool.trigger({ ...SIZE, seed: 1, options }), UsageError);
  refuse({ weakest: "0.6" });
  refuse({ kind: "rainbow" });
  refuse({ pool: "0" });
  await withTemporaryFolder(async (folder) => {
    const target = { mode: "all2one", label: 0 } as const;
    const options = { reflections: { file: folder } };
    await assert.rejects(
      readTriggerFiles({ name: "refool", target, options, seed: 1 }, SIZE),
      FormatError,
    );
  });
});
