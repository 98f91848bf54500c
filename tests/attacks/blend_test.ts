import assert from "node:assert/strict";
import { readTriggerFiles } from "../../src/attacks/backdoor.ts";
import { blend } from "../../src/attacks/blend.ts";
import { pictureText } from "../../src/attacks/picture_option.ts";
import { applyTrigger } from "../../src/data/trigger.ts";
import { FormatError, UsageError } from "../../src/errors.ts";
import { readNpy, writeNpy } from "../../src/formats/npy.ts";
import { floats } from "../../src/nn/state.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { wholeValues } from "../reference/values.ts";
import { shared } from "../shared.ts";

const SIZE = { height: 5, width: 6 };

/** 0.8 x + 0.2 m without its fraction, in whole numbers. */
const blended = (x: number, m: number) => Math.floor((4 * x + m) / 5);

const bytes = (count: number, seed: number) => Uint8Array.from(wholeValues(count, 256, seed));

Deno.test("blend mixes a fifth of a known noise image into every byte", () => {
  const noise = bytes(90, 1);
  const options = { image: pictureText({ ...SIZE, pixels: noise }) };
  const trigger = blend.trigger({ ...SIZE, seed: 1, options });
  const image = bytes(90, 2);
  const expected = image.map((x, i) => blended(x, noise[i]!));
  assert.deepEqual(applyTrigger(trigger, image), expected);
});

Deno.test("blend is exact for every byte of image and noise", () => {
  const size = { height: 16, width: 16 };
  const pixels = Uint8Array.from({ length: 768 }, (_, i) => i % 256);
  const trigger = blend.trigger({
    ...size,
    seed: 1,
    options: { image: pictureText({ ...size, pixels }) },
  });
  for (let x = 0; x < 256; x++) {
    const found = applyTrigger(trigger, new Uint8Array(768).fill(x));
    assert.deepEqual(found, pixels.map((m) => blended(x, m)));
  }
});

Deno.test("blend draws its noise from the seed: black becomes a fifth of bytes of every size", () => {
  const draw = (seed: number) =>
    applyTrigger(
      blend.trigger({ height: 32, width: 32, seed, options: {} }),
      new Uint8Array(3072),
    );
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
  assert.equal(new Set(draw(1)).size, 52);
  const mean = draw(1).reduce((sum, byte) => sum + byte, 0) / 3072;
  assert.ok(Math.abs(mean - 25.1) < 1, `mean ${mean}`);
});

Deno.test("blend takes its image from a NumPy file, in either layout", async () => {
  await withTemporaryFolder(async (folder) => {
    const pixels = bytes(90, 3);
    const planes = `${folder}/planes.npy`;
    const data = Float32Array.from(pixels, (byte) => byte + 0.5);
    await Deno.writeFile(planes, writeNpy({ dtype: "float32", shape: [3, 5, 6], data }));
    const rows = `${folder}/rows.npy`;
    const interleaved = Uint8Array.from(
      { length: 90 },
      (_, i) => pixels[(i % 3) * 30 + Math.floor(i / 3)]!,
    );
    await Deno.writeFile(rows, writeNpy({ dtype: "uint8", shape: [5, 6, 3], data: interleaved }));
    for (const image of [planes, rows]) {
      const description = await readTriggerFiles(
        {
          name: "blend",
          target: { mode: "all2one", label: 0 },
          options: { image: { file: image }, alpha: "1" },
          seed: 1,
        },
        SIZE,
      );
      const trigger = blend.trigger({ ...SIZE, seed: 1, options: description.options });
      assert.deepEqual(applyTrigger(trigger, new Uint8Array(90)), pixels);
    }
  });
});

Deno.test("blend refuses files of the wrong shape, missing ones, and unknown options", async () => {
  await withTemporaryFolder(async (folder) => {
    const image = `${folder}/wrong.npy`;
    await Deno.writeFile(
      image,
      writeNpy({ dtype: "uint8", shape: [3, 4, 6], data: new Uint8Array(72) }),
    );
    const read = (file: string) =>
      readTriggerFiles(
        {
          name: "blend",
          target: { mode: "all2one", label: 0 },
          options: { image: { file } },
          seed: 1,
        },
        SIZE,
      );
    await assert.rejects(
      read(image),
      (error) =>
        error instanceof FormatError &&
        /shape \[3, 4, 6\], expected \[3, 5, 6\]/.test(error.message),
    );
    await assert.rejects(read(`${folder}/none.png`), FormatError);
    const trigger = (options: Record<string, string>) =>
      blend.trigger({ ...SIZE, seed: 1, options });
    assert.throws(() => trigger({ colour: "red" }), UsageError);
    assert.throws(() => trigger({ alpha: "2" }), UsageError);
    assert.throws(() => trigger({ image: "no picture" }), UsageError);
    const other = pictureText({ height: 2, width: 2, pixels: new Uint8Array(12) });
    assert.throws(() => trigger({ image: other }), FormatError);
  });
});

const REFERENCE = shared("checkpoints/reference-blend-trigger.npy");

Deno.test({
  name: "blend blends the trigger file of the reference model",
  ignore: REFERENCE === undefined,
  async fn() {
    const image = REFERENCE!.pathname;
    const size = { height: 32, width: 32 };
    const { options } = await readTriggerFiles(
      {
        name: "blend",
        target: { mode: "all2one", label: 5 },
        options: { image: { file: image } },
        seed: 1,
      },
      size,
    );
    const trigger = blend.trigger({ ...size, seed: 1, options });
    const noise = floats(readNpy(await Deno.readFile(image), image));
    const picture = bytes(3072, 4);
    const expected = picture.map((x, i) => blended(x, noise[i]!));
    assert.deepEqual(applyTrigger(trigger, picture), expected);
  },
});
