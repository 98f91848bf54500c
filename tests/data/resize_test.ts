import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "npm:fast-check@4.10.2";
import { resizeImage } from "../../src/data/resize.ts";
import { pattern } from "./pattern.ts";

/** Printed when a property fails, and fixed so that a failure can be repeated. */
const SEED = 20240609;

/**
 * Height and width before and after, and the SHA-256 of the (3,H,W) bytes that Pillow 9.4 computes
 * from the same pattern with `resize((width, height), Image.BILINEAR)`.
 */
const PILLOW: readonly (readonly [number, number, number, number, string])[] = [
  [7, 13, 4, 5, "976b3e6eb181a40ff05f72edad937bc69eac1ac852ce1c3776d3b32b7f2a33fa"],
  [4, 5, 9, 7, "ec194dd2e02162400068f406c4046e427098a33141b9fef344972764ea66df6e"],
  [32, 32, 32, 32, "cee26111146d072e64bf3f7a617a56a2991f03927f7859f1b68a25429920d5b3"],
  [243, 225, 32, 32, "8336e109842d805782c62c7e42edbe35437de38ca0b734c2beb017c32b32f146"],
  [25, 27, 32, 32, "a0c3862c6fa98daff7a65aefe6233aac78b28978cba0d28bb5dd27c7e987d228"],
  [1, 1, 3, 2, "142efb756b79b9803420dc79f49851558b37f59854486f0e2fedc90a7d1d93d2"],
  [100, 33, 32, 32, "c874210d3a277eaf2e4ad11be933616e2fc7459fba4d53003a5342382d8c3faf"],
  [40, 300, 17, 31, "3d8b888ffdb0065b6f2f0511eda828f79d6a3e5f9aec4435a74a79daa9c9ed85"],
];

Deno.test("resizeImage() gives Pillow's bytes when shrinking, enlarging and both", () => {
  for (const [height, width, toHeight, toWidth, digest] of PILLOW) {
    const resized = resizeImage(pattern(height, width), height, width, toHeight, toWidth);
    assert.equal(resized.length, 3 * toHeight * toWidth);
    assert.equal(
      createHash("sha256").update(resized).digest("hex"),
      digest,
      `${height}x${width} to ${toHeight}x${toWidth}`,
    );
  }
});

Deno.test("resizeImage() averages a fine checkerboard to grey instead of aliasing", () => {
  const board = Uint8Array.from({ length: 64 * 64 }, (_, i) => ((i + (i >> 6)) & 1) * 255);
  for (const value of resizeImage(board, 64, 64, 8, 8)) assert.ok(Math.abs(value - 128) <= 1);
});

Deno.test("resizeImage() keeps a flat image flat and stays within the range of its input", () => {
  const size = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(size, size, size, size, fc.nat(255), (height, width, toHeight, toWidth, value) => {
      const flat = new Uint8Array(3 * height * width).fill(value);
      const resized = resizeImage(flat, height, width, toHeight, toWidth);
      assert.deepEqual(resized, new Uint8Array(3 * toHeight * toWidth).fill(value));
      const limited = pattern(height, width).map((byte) => 50 + (byte >> 1));
      for (const byte of resizeImage(limited, height, width, toHeight, toWidth)) {
        assert.ok(byte >= 50 && byte <= 177);
      }
    }),
    { seed: SEED },
  );
});
