import assert from "node:assert/strict";
import { DataError } from "../../src/errors.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { gpu } from "../gpu/device.ts";

Deno.test("uploadImages() refuses a set without images: no buffer may be empty", () => {
  const set = { pixels: new Uint8Array(), labels: new Uint16Array(), height: 8, width: 8 };
  const before = gpu.counters.bytes;
  assert.throws(() => uploadImages(gpu, set), DataError);
  assert.equal(gpu.counters.bytes, before);
});
