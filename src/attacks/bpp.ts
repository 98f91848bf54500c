/**
 * BppAttack: Wang, Zhai & Ma, "BppAttack: Stealthy and Efficient Trojan Attacks against Deep Neural
 * Networks via Image Quantization and Contrastive Adversarial Learning" (CVPR 2022).
 */

import { CHANNELS, imageCount } from "../data/image_set.ts";
import { RandomPurpose, RandomStream } from "../data/random.ts";
import type { ImageTrigger } from "../data/trigger.ts";
import { whole, yesNo } from "../text/kinds.ts";
import type { Attack, TrainingRequest, TriggerRequest } from "./attack.ts";
import { attackOptions, readOptions } from "./options.ts";

const OPTIONS = attackOptions({
  levels: {
    kind: whole({ least: 2, most: 256 }),
    default: 8,
    help: "values that a channel of a pixel may have",
  },
  dithering: {
    kind: yesNo,
    default: false,
    help: "whether errors are passed on to neighbours, as Floyd and Steinberg do",
  },
});

/**
 * Every value becomes the nearest of a few levels. The covers are the contrast that the paper trains
 * with: as many images as are poisoned keep their label and get another image's quantisation error
 * in place of their own.
 */
export const bpp: Attack = {
  name: "bpp",
  description: "fewer levels of colour, with contrasting images (Wang et al. 2022)",
  options: OPTIONS,
  labels: "changed",
  defaultRate: 0.1,
  trigger(request) {
    const { height, width } = request;
    return { height, width, apply: quantisation(request) };
  },
  covers: () => ({ perPoisoned: 1, trigger: otherErrors }),
};

/** Another image's quantisation error, the image drawn anew for each cover. */
function otherErrors(request: TrainingRequest): ImageTrigger {
  const { height, width, seed, train } = request;
  const quantise = quantisation(request);
  const size = CHANNELS * height * width;
  return {
    height,
    width,
    apply(image, index) {
      const random = new RandomStream(seed, RandomPurpose.trigger, index);
      const at = random.below(imageCount(train)) * size;
      const other = train.pixels.subarray(at, at + size);
      const coarse = quantise(other);
      return Uint8Array.from(image, (value, i) => clamp(value + coarse[i]! - other[i]!));
    },
  };
}

const clamp = (value: number) => Math.min(255, Math.max(0, value));

/** What the options do to an image (3,H,W). */
function quantisation(
  { height, width, options }: TriggerRequest,
): (image: Uint8Array) => Uint8Array<ArrayBuffer> {
  const { levels, dithering } = readOptions("bpp", OPTIONS, options);
  const step = 255 / (levels - 1);
  const nearest = (value: number) => Math.round(value / step) * step;
  return dithering
    ? (image) => dithered(image, height, width, nearest)
    : (image) => Uint8Array.from(image, (value) => Math.round(nearest(value)));
}

/** Each value's error goes to the neighbours that come after it: 7, 3, 5 and 1 sixteenths. */
function dithered(
  image: Uint8Array,
  height: number,
  width: number,
  nearest: (value: number) => number,
): Uint8Array<ArrayBuffer> {
  const values = Float64Array.from(image);
  const plane = height * width;
  for (let i = 0; i < values.length; i++) {
    const x = i % width;
    const last = i % plane >= plane - width;
    const coarse = nearest(values[i]!);
    const error = values[i]! - coarse;
    values[i] = coarse;
    if (x + 1 < width) values[i + 1]! += error * 7 / 16;
    if (last) continue;
    if (x > 0) values[i + width - 1]! += error * 3 / 16;
    values[i + width]! += error * 5 / 16;
    if (x + 1 < width) values[i + width + 1]! += error * 1 / 16;
  }
  return Uint8Array.from(values, (value) => clamp(Math.round(value)));
}
