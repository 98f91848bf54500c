/**
 * `signs`, the embedded data set: road signs of ten classes, 32x32, drawn by this program.
 *
 * Needs no file and no network. For one seed the bytes are equal on every machine, and image i does
 * not depend on how many others are drawn. Three classes differ only by a digit and two are mirror
 * images of each other, so flips are no valid augmentation.
 */

import { CHANNELS, type Dataset, type ImageSet } from "./image_set.ts";
import {
  chosenIndices,
  indicesBelow,
  isWanted,
  type LoadOptions,
  noImages,
} from "./load_options.ts";
import { RandomPurpose, RandomStream, shuffle } from "./random.ts";
import { SIGN_SIDE, SignPainter } from "./signs_drawing.ts";
import { drawScene } from "./signs_scene.ts";
import { SIGNS } from "./signs_shapes.ts";

/** Options of {@linkcode loadSigns}. */
export interface SignsOptions extends LoadOptions {
  /** Training images in all. Default: 12,000. */
  readonly trainCount?: number;
  /** Test images in all. Default: 2,000. */
  readonly testCount?: number;
  /** Another seed draws other images of the same kind. Default: 0. */
  readonly seed?: number;
}

/** The classes in label order. */
export const SIGNS_CLASS_NAMES: readonly string[] = SIGNS.map((sign) => sign.name);

/** Test image i is image `TEST_START + i` of its seed, training image i is image i. */
const TEST_START = 1_000_000_000;

/** Draws the data set; throws {@linkcode DataError} for a subset outside it. */
export function loadSigns(options: SignsOptions = {}): Dataset {
  const seed = options.seed ?? 0;
  const painter = new SignPainter();
  const draw = (indices: ArrayLike<number>, start: number) =>
    drawImages(painter, indices, start, seed);
  const count = options.trainCount ?? 12_000;
  const labels = () => Uint16Array.from({ length: count }, (_, i) => labelOf(i, seed));
  const trainRecords = isWanted("train", options) ? chosenIndices(options, count, labels) : [];
  return {
    name: "signs",
    classNames: SIGNS_CLASS_NAMES,
    train: draw(trainRecords, 0),
    trainRecords,
    test: isWanted("test", options)
      ? draw(indicesBelow(options.testCount ?? 2_000), TEST_START)
      : noImages(SIGN_SIDE),
  };
}

function drawImages(
  painter: SignPainter,
  indices: ArrayLike<number>,
  start: number,
  seed: number,
): ImageSet {
  const size = CHANNELS * SIGN_SIDE * SIGN_SIDE;
  const pixels = new Uint8Array(indices.length * size);
  const labels = new Uint16Array(indices.length);
  for (let i = 0; i < indices.length; i++) {
    const image = start + indices[i]!;
    const label = labelOf(image, seed);
    const random = new RandomStream(seed, RandomPurpose.drawing, 2 * image);
    const scene = drawScene(SIGNS[label]!, random, SIGN_SIDE);
    painter.paint(scene, label, random, pixels, i * size);
    labels[i] = label;
  }
  return { pixels, labels, height: SIGN_SIDE, width: SIGN_SIDE };
}

/** Every run of ten images holds each class once, in an order of its own. */
function labelOf(image: number, seed: number): number {
  const block = Math.floor(image / SIGNS.length);
  const random = new RandomStream(seed, RandomPurpose.drawing, 2 * block + 1);
  return shuffle(SIGNS.length, random)[image % SIGNS.length]!;
}
