import assert from "node:assert/strict";
import { amplifiedDifference, gallery } from "../../src/report/gallery.ts";

Deno.test("amplifiedDifference() is grey where nothing changed, and cut off", () => {
  const found = amplifiedDifference(
    Uint8Array.of(9, 9, 9, 9, 9),
    Uint8Array.of(9, 10, 7, 200, 0),
    5,
  );
  assert.deepEqual([...found], [128, 133, 118, 255, 83]);
});

Deno.test("gallery() enlarges every image and sets groups further apart than rows", () => {
  /** One grey image of 1x2 pixels. */
  const image = (left: number, right: number) =>
    Uint8Array.of(left, right, left, right, left, right);
  const { height, width, pixels } = gallery(
    [[[image(1, 2), image(3, 4)], [image(5, 6)]], [[image(7, 8)]]],
    { height: 1, width: 2 },
    2,
  );
  assert.deepEqual([height, width], [4 + 3 * 6 + 4, 4 + 2 * 8]);
  const row = (y: number) => [...pixels.subarray(y * width, (y + 1) * width)];
  const gap = [255, 255, 255, 255];
  assert.deepEqual(row(4), [...gap, 1, 1, 2, 2, ...gap, 3, 3, 4, 4, ...gap]);
  assert.deepEqual(row(5), row(4));
  assert.deepEqual(row(10).slice(0, 9), [...gap, 5, 5, 6, 6, 255]);
  assert.deepEqual(row(20).slice(0, 9), [...gap, 7, 7, 8, 8, 255]);
  assert.ok(row(18).every((byte) => byte === 255));
});
