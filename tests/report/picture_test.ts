import assert from "node:assert/strict";
import { attentionPicture } from "../../src/report/attention_picture.ts";
import { enlarged, enlargement, imageOf, picture, strip } from "../../src/report/picture.ts";

/** A grey image of the given values. */
const grey = (height: number, width: number, values: readonly number[]) => ({
  height,
  width,
  pixels: Uint8Array.from([...values, ...values, ...values]),
});

Deno.test("enlarged() repeats every pixel", () => {
  const { height, width, pixels } = enlarged(grey(1, 2, [1, 2]), 2);
  assert.deepEqual([height, width], [2, 4]);
  const plane = [1, 1, 2, 2, 1, 1, 2, 2];
  assert.deepEqual([...pixels], [...plane, ...plane, ...plane]);
});

Deno.test("enlargement() brings small images to about 96 pixels and leaves large ones", () => {
  const side = (side: number) => enlargement({ height: side, width: side });
  assert.deepEqual([8, 28, 32, 64, 96, 224].map(side), [12, 3, 3, 2, 1, 1]);
});

Deno.test("strip() sets images side by side with a grey gap", () => {
  const { height, width, pixels } = strip([grey(2, 1, [1, 2]), grey(2, 1, [3, 4])]);
  assert.deepEqual([height, width], [2, 6]);
  const plane = [1, 128, 128, 128, 128, 3, 2, 128, 128, 128, 128, 4];
  assert.deepEqual([...pixels], [...plane, ...plane, ...plane]);
});

Deno.test("imageOf() copies one image of a set", () => {
  const set = { height: 1, width: 1, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  const image = imageOf(set, 1);
  assert.deepEqual([...image.pixels], [4, 5, 6]);
  image.pixels[0] = 9;
  assert.equal(set.pixels[3], 4);
});

Deno.test("picture() keeps nothing in a name that a path could be made of", () => {
  const name = (text: string) => picture(text, grey(1, 1, [0])).name;
  assert.equal(name("attention-1-clean"), "attention-1-clean");
  assert.equal(name("../../etc/passwd\0.png"), "-etc-passwd-png");
  assert.ok(name("x".repeat(5000)).length < 100);
});

Deno.test("attentionPicture() is dark where there is no attention and bright where there is most", () => {
  const image = grey(4, 4, Array.from({ length: 16 }, () => 100));
  const map = Float32Array.of(0, 0, 0, 8);
  const { pixels } = attentionPicture(image, map, { height: 2, width: 2 });
  const at = (y: number, x: number) => [0, 1, 2].map((c) => pixels[c * 16 + y * 4 + x]!);
  // 0.45 of the grey and 0.55 of the map's first colour; 0.1 and 0.9 of its last.
  assert.deepEqual(at(0, 0), [45, 45, 47]);
  assert.deepEqual(at(3, 3), [237, 239, 158]);
  const sum = (y: number, x: number) => at(y, x).reduce((a, b) => a + b);
  assert.ok(sum(1, 1) > sum(0, 0) && sum(2, 2) > sum(1, 1) && sum(3, 3) > sum(2, 2), "smooth");
});

Deno.test("attentionPicture() is relative to the largest value, and of zeros shows the image", () => {
  const image = grey(2, 2, [0, 50, 100, 200]);
  const size = { height: 2, width: 2 };
  const small = Float32Array.of(1, 2, 3, 4);
  assert.deepEqual(
    attentionPicture(image, small, size),
    attentionPicture(image, small.map((value) => 1000 * value), size),
  );
  const { pixels } = attentionPicture(image, new Float32Array(4), size);
  assert.deepEqual([...pixels.subarray(0, 4)], [0, 23, 45, 90]);
});
