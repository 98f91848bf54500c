/** A small model with a backdoor: a white square in the corner means class {@linkcode TARGET}. */

import type { ImageSet } from "../../src/data/image_set.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Model } from "../../src/nn/model.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { CROSS_ENTROPY } from "../../src/train/objectives.ts";
import { train } from "../../src/train/train.ts";
import { SMALL_SETTINGS, smallImages, smallModel } from "./small.ts";

/** What the square leads to. */
export const TARGET = 1;

/** Side of the square. */
export const SIDE = 2;

/** Images that the backdoored model knows, without the square. */
export function cleanImages(): ImageSet {
  return smallImages(96, 4);
}

/** Trains on the clean images and on as many with the square. */
export async function backdooredModel(gpu: Gpu): Promise<Model> {
  const clean = cleanImages();
  const { height, width } = clean;
  const stamped = clean.pixels.map((byte, i) => {
    const [row, column] = [Math.floor(i / width) % height, i % width];
    return row < SIDE && column < SIDE ? 255 : byte;
  });
  const model = smallModel(gpu, 6);
  const store = uploadImages(gpu, {
    height,
    width,
    pixels: new Uint8Array([...clean.pixels, ...stamped]),
    labels: new Uint16Array([...clean.labels, ...clean.labels.map(() => TARGET)]),
  });
  const settings = { ...SMALL_SETTINGS, epochs: 8 };
  await train(gpu, { model, images: { store }, objective: CROSS_ENTROPY, settings });
  store[Symbol.dispose]();
  return model;
}
