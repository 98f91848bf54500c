/** A task small enough to train on in a test: 8x8 images of three classes, and wrn-10-1. */

import { NO_AUGMENTATION, PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import type { ImageSet } from "../../src/data/image_set.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { loadModel, type Model } from "../../src/nn/model.ts";
import { initialState } from "../../src/nn/state.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";
import type { TrainingSettings } from "../../src/train/trainer.ts";
import { wholeValues } from "../reference/values.ts";

/** Number of classes. */
export const CLASSES = 3;

const SIDE = 8;

/** Noise in which the channel of a sample's class is brighter, so that there is something to learn. */
export function smallImages(count: number, seed: number): ImageSet {
  const plane = SIDE * SIDE;
  const labels = Uint16Array.from(wholeValues(count, CLASSES, seed));
  const pixels = Uint8Array.from(wholeValues(count * 3 * plane, 156, seed + 1), (value, i) => {
    const channel = Math.floor(i / plane) % 3;
    return labels[Math.floor(i / plane / 3)] === channel ? value + 100 : value;
  });
  return { pixels, labels, height: SIDE, width: SIDE };
}

/** A fresh model. */
export function smallModel(gpu: Gpu, seed: number): Model {
  const architecture = wideResNet(10, 1, CLASSES);
  return loadModel(gpu, architecture, initialState(architecture, seed), "a fresh model");
}

/** Settings of a short run. */
export const SMALL_SETTINGS: TrainingSettings = {
  epochs: 4,
  batchSize: 16,
  learningRate: 0.05,
  schedule: "cosine",
  momentum: 0.9,
  nesterov: true,
  weightDecay: 1e-4,
  augmentation: NO_AUGMENTATION,
  preprocessing: PLAIN_PREPROCESSING,
  order: "shuffle",
  seed: 1,
};
