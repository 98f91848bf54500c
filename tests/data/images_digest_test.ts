import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { imagesDigest } from "../../src/data/images_digest.ts";
import type { ImageSet } from "../../src/data/image_set.ts";

const SET: ImageSet = {
  pixels: Uint8Array.from({ length: 24 }, (_, i) => i * 9),
  labels: new Uint16Array([1, 258]),
  height: 2,
  width: 2,
};
const NAMES = ["cat", "dog"];

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");

Deno.test("imagesDigest() is SHA-256 over shape, class names, pixels and labels", async () => {
  const text = JSON.stringify({
    shape: [2, 3, 2, 2],
    classNames: NAMES,
    pixels: [sha256(SET.pixels)],
    labels: [sha256(Uint8Array.of(1, 0, 2, 1))],
  });
  assert.equal(await imagesDigest(SET, NAMES), sha256(text));
});

Deno.test("imagesDigest() changes with any pixel, label, name or side", async () => {
  const changed: [ImageSet, string[]][] = [
    [{ ...SET, pixels: SET.pixels.with(23, 1) }, NAMES],
    [{ ...SET, labels: SET.labels.with(1, 2) }, NAMES],
    [{ ...SET, height: 1, width: 4 }, NAMES],
    [SET, ["dog", "cat"]],
    [SET, ["cat,dog"]],
  ];
  const digests = new Set([await imagesDigest(SET, NAMES)]);
  for (const [set, names] of changed) digests.add(await imagesDigest(set, names));
  assert.equal(digests.size, changed.length + 1);
  const empty = { ...SET, pixels: new Uint8Array(), labels: new Uint16Array() };
  assert.match(await imagesDigest(empty, []), /^[0-9a-f]{64}$/);
});
