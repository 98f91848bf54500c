/**
 * Triggers that change every pixel. The right bytes come from others: WaNet's from PyTorch 1.13
 * (`interpolate`, `grid_sample`), FTrojan's from OpenCV 4.6 and SciPy's DCT, CTRL's from SciPy and
 * kornia's matrices, BppAttack's from NumPy.
 */

import assert from "node:assert/strict";
import type { Attack } from "../../src/attacks/attack.ts";
import { bpp } from "../../src/attacks/bpp.ts";
import { ctrl } from "../../src/attacks/ctrl.ts";
import { ftrojan } from "../../src/attacks/ftrojan.ts";
import { wanet } from "../../src/attacks/wanet.ts";
import { triggeredImage } from "../../src/data/trigger.ts";
import { UsageError } from "../../src/errors.ts";

const SIZE = { height: 32, width: 32, seed: 1 };

const image = Uint8Array.from(
  { length: 3072 },
  (_, i) => (i * 37 + Math.floor(i / 32) * 11 + (i * i) % 101) % 256,
);

/** The image with the trigger on. */
function triggered(attack: Attack, options: Record<string, string> = {}) {
  return triggeredImage(attack.trigger({ ...SIZE, options }), image, 0);
}

/** Some pixels, and the first 8 bytes of the SHA-256 of all. */
async function pin(pixels: Uint8Array<ArrayBuffer>) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", pixels));
  const hexadecimal = [...digest.slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0"));
  return [...[0, 1, 33, 500, 1024, 1055, 2048, 3071].map((i) => pixels[i]), hexadecimal.join("")];
}

Deno.test("wanet warps as PyTorch's interpolate and grid_sample do, to the byte", async () => {
  const expected = [0, 27, 61, 104, 191, 213, 13, 49, "911572f8a849abc8"];
  assert.deepEqual(await pin(triggered(wanet)), expected);
});

Deno.test("wanet's covers are warped otherwise, each by a shift of its own", () => {
  const train = { ...SIZE, pixels: image, labels: Uint16Array.of(0) };
  const { perPoisoned, trigger } = wanet.covers!({});
  const cover = trigger({ ...SIZE, options: {}, train });
  const [first, second] = [0, 1].map((index) => cover.apply(image, index));
  assert.equal(perPoisoned, 2);
  assert.notDeepEqual(first, second);
  assert.notDeepEqual(first, triggered(wanet));
  assert.deepEqual(cover.apply(image, 0), first);
});

Deno.test("wanet without strength changes nothing", () => {
  assert.deepEqual(triggered(wanet, { strength: "0" }), image);
});

Deno.test("ftrojan adds two frequencies to Cr and Cb, as OpenCV converts colours", async () => {
  const expected = [2, 37, 31, 0, 190, 226, 15, 51, "590fc37fde2e2a33"];
  assert.deepEqual(await pin(triggered(ftrojan)), expected);
});

Deno.test("ctrl adds two frequencies to U and V", async () => {
  const expected = [4, 35, 34, 0, 188, 227, 20, 56, "05a8a3d6a9e9e6d6"];
  assert.deepEqual(await pin(triggered(ctrl)), expected);
});

Deno.test("bpp leaves eight levels, by rounding or by dithering", async () => {
  const rounded = triggered(bpp);
  assert.deepEqual(await pin(rounded), [0, 36, 36, 0, 182, 219, 0, 36, "eedc199dff38941f"]);
  assert.ok(new Set(rounded).size <= 8);
  const dithered = triggered(bpp, { dithering: "true" });
  assert.deepEqual(await pin(dithered), [0, 36, 36, 0, 182, 219, 0, 36, "695df8426aadef07"]);
});

Deno.test("bpp's covers carry the quantisation error of another image", () => {
  const other = image.map((byte) => 255 - byte);
  const train = { ...SIZE, pixels: other, labels: Uint16Array.of(0) };
  const { perPoisoned, trigger } = bpp.covers!({});
  const found = trigger({ ...SIZE, options: {}, train }).apply(image, 0);
  const expected = image.map((byte, i) => {
    const error = Math.round(Math.round(other[i]! / 255 * 7) / 7 * 255) - other[i]!;
    return Math.min(255, Math.max(0, byte + error));
  });
  assert.equal(perPoisoned, 1);
  assert.deepEqual(found, expected);
});

Deno.test("frequencies of images that are smaller or larger than a block stay within them", () => {
  for (const [height, width] of [[28, 28], [40, 70]] as const) {
    const pixels = new Uint8Array(3 * height * width).fill(100);
    const trigger = ctrl.trigger({ height, width, seed: 1, options: {} });
    const found = triggeredImage(trigger, pixels, 0);
    const [rows, columns] = height === 28 ? [28, 28] : [32, 64];
    const changed = (y: number, x: number) => found[y * width + x] !== 100;
    assert.ok(changed(0, 0) && changed(rows - 1, columns - 1));
    if (height > rows) assert.ok(!changed(rows, 0) && !changed(0, columns));
  }
});

Deno.test("these attacks refuse impossible options", () => {
  for (
    const [attack, options] of [
      [wanet, { grid: "1" }],
      [wanet, { strength: "-1" }],
      [bpp, { levels: "1" }],
      [bpp, { dithering: "perhaps" }],
      [ctrl, { magnitude: "much" }],
      [ftrojan, { delta: "1" }],
    ] as const
  ) {
    assert.throws(() => attack.trigger({ ...SIZE, options }), UsageError);
  }
});
