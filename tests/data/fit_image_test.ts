import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fitImage, SizeTally } from "../../src/data/fit_image.ts";
import { resizeImage } from "../../src/data/resize.ts";
import { pattern } from "./pattern.ts";

/**
 * Height and width before, the side after, and the SHA-256 of the (3,H,W) bytes that torchvision
 * makes of the pattern as a Pillow 9.4 image by `Resize(side)` and `CenterCrop(side)`.
 */
const TORCHVISION: readonly (readonly [number, number, number, string])[] = [
  [7, 13, 4, "cf3c60f29eed800e0bc6388e3bc44a8ce39e61745176a12e86da9bbf2b18a702"],
  [40, 33, 32, "7d26ce315f227265b7ac2a8ec8c439758f0072bd918e5eab864221b73304246d"],
  [224, 300, 32, "3332cd16bfd5d8cb3ceb1dd76f961c585decccec2d2a9561c369c13a4daa3ef4"],
  [300, 224, 32, "3ce4ddca26d6db5a54033bac455c1655f9ee99568486c1448bc8491556c770c7"],
  [32, 32, 32, "cee26111146d072e64bf3f7a617a56a2991f03927f7859f1b68a25429920d5b3"],
  [45, 46, 32, "7f87aed98bff4804e912840c0069ceb3bf556f5a98de600819b8e231b467f0eb"],
  [100, 33, 32, "4ef022dc5be9bb65525a21c3ad083edc27cf146498004a6de08d9d468893bc15"],
  [10, 11, 32, "779dd845ea4e533e692809a2de2128336f0723a38cb54817cd911ff03204beb7"],
  [33, 97, 17, "cdcfbb0d756df6b1797fb7ef26a6de6807af8be4e368309ac0c1d15333279699"],
  [61, 20, 16, "1cea2a1fdb055aee6fa2462acc0850a5ac59efcc5167e9d8ca176642deefcf27"],
];

Deno.test("fitImage() cuts out torchvision's centre, to the bit", () => {
  for (const [height, width, side, digest] of TORCHVISION) {
    const image = { height, width, pixels: pattern(height, width) };
    const cut = fitImage(image, { height: side, width: side }, "crop");
    assert.equal(
      createHash("sha256").update(cut).digest("hex"),
      digest,
      `${height}x${width} to ${side}`,
    );
  }
});

Deno.test("fitImage() cuts a size that is no square out of an image that covers it", () => {
  const image = { height: 20, width: 60, pixels: pattern(20, 60) };
  const cut = fitImage(image, { height: 10, width: 16 }, "crop");
  const small = resizeImage(image.pixels, 20, 60, 10, 30);
  for (let line = 0; line < 30; line++) {
    assert.deepEqual(
      cut.subarray(line * 16, line * 16 + 16),
      small.subarray(line * 30 + 7, line * 30 + 23),
    );
  }
  const squeezed = fitImage(image, { height: 10, width: 16 });
  assert.deepEqual(squeezed, resizeImage(image.pixels, 20, 60, 10, 16));
});

Deno.test("fitImage() refuses to cut out of an image that would have to become huge", () => {
  const image = { height: 1, width: 10_000, pixels: new Uint8Array(30_000) };
  assert.throws(() => fitImage(image, { height: 224, width: 224 }, "crop"), {
    name: "FormatError",
    message: /cannot cut 224x224 out of an image of 1x10000 pixels/,
  });
});

Deno.test("SizeTally says what becomes of images, and nothing where they fit", () => {
  const size = { height: 32, width: 32 };
  const text = (mode: "squeeze" | "crop", ...sizes: [number, number][]) => {
    const tally = new SizeTally(size, mode);
    for (const [height, width] of sizes) tally.add({ height, width });
    return tally.text();
  };
  const start = "images of 224x300 pixels";
  const end = "are brought to 32x32 (height x width)";
  assert.equal(text("squeeze", [32, 32]), undefined);
  assert.equal(text("squeeze", [32, 32], [224, 300]), `${start} ${end}, squeezed`);
  assert.equal(
    text("crop", [224, 300], [8, 8], [224, 300], [9, 9]),
    `${start} and 2 other sizes ${end}, their centre cut out`,
  );
  assert.equal(text("squeeze", [64, 64]), `images of 64x64 pixels ${end}`);
});
