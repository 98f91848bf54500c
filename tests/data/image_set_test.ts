import assert from "node:assert/strict";
import {
  checkImageSet,
  imageCount,
  type ImageSet,
  selectImages,
} from "../../src/data/image_set.ts";
import { DataError } from "../../src/errors.ts";

const SET: ImageSet = {
  pixels: Uint8Array.from({ length: 3 * 3 * 2 * 4 }, (_, i) => i),
  labels: new Uint16Array([4, 0, 2]),
  height: 2,
  width: 4,
};

Deno.test("selectImages() copies images and labels in the given order, repeats included", () => {
  const chosen = selectImages(SET, [2, 0, 2]);
  assert.equal(imageCount(chosen), 3);
  assert.deepEqual([...chosen.labels], [2, 4, 2]);
  const image = (index: number) => [...SET.pixels.subarray(24 * index, 24 * (index + 1))];
  assert.deepEqual([...chosen.pixels], [...image(2), ...image(0), ...image(2)]);
  assert.equal(chosen.height, 2);
  assert.equal(chosen.width, 4);
  chosen.pixels.fill(255);
  assert.equal(SET.pixels[0], 0);
});

Deno.test("selectImages() throws for an index without an image", () => {
  for (const index of [3, -1, 0.5, NaN]) {
    assert.throws(() => selectImages(SET, [index]), (error) => {
      assert.ok(error instanceof DataError);
      assert.match(error.message, /the set holds 3 images/);
      return true;
    });
  }
});

Deno.test("checkImageSet() throws for wrong lengths and for labels that are no class", () => {
  checkImageSet(SET, 5);
  assert.throws(() => checkImageSet(SET, 4), {
    name: "DataError",
    message: /label 4 of image 0: expected 0 to 3/,
  });
  assert.throws(() => checkImageSet({ ...SET, width: 3 }, 5), {
    name: "DataError",
    message: /found 72 bytes of pixels, expected 54/,
  });
});
