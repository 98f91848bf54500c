/**
 * Blended injection: Chen, Liu, Li, Lu & Song, "Targeted Backdoor Attacks on Deep Learning Systems
 * Using Data Poisoning" (2017), section 4.2.
 */

import { RandomPurpose, RandomStream } from "../data/random.ts";
import { number, path } from "../text/kinds.ts";
import type { PixelAttack, TriggerRequest } from "./attack.ts";
import { attackOptions, readOptions } from "./options.ts";
import { pictureOption } from "./picture_option.ts";
import { blendTrigger } from "../data/trigger.ts";

const OPTIONS = attackOptions({
  alpha: {
    kind: number({ least: 0, most: 1 }),
    default: 0.2,
    help: "share of the trigger image m, the paper's α",
  },
  image: {
    kind: path("a file"),
    help: "file of m: a picture, resized, or a NumPy array of the images' size",
    otherwise: "random noise",
  },
});

/**
 * (1 - α) x + α m, fractions cut off, with one image m for the whole run: bytes drawn from the seed,
 * the paper's random pattern, unless a file is given.
 */
export const blend: PixelAttack = {
  name: "blend",
  description: "one noise image blended into the whole picture (Chen et al. 2017)",
  options: OPTIONS,
  files: ["image"],
  labels: "changed",
  defaultRate: 0.1,
  trigger({ height, width, seed, options }) {
    const { alpha } = readOptions("blend", OPTIONS, options);
    return blendTrigger(blendedPicture({ height, width, seed, options }), alpha);
  },
};

/** The picture that option `image` holds, else noise drawn from the seed. */
export function blendedPicture(
  { height, width, seed, options }: TriggerRequest,
): { height: number; width: number; pixels: Uint8Array } {
  const picture = pictureOption(options, "image", { height, width });
  return { height, width, pixels: picture?.pixels ?? noise(3 * height * width, seed) };
}

/** Bytes, each equally likely. */
function noise(count: number, seed: number): Uint8Array<ArrayBuffer> {
  const random = new RandomStream(seed, RandomPurpose.trigger);
  return Uint8Array.from({ length: count }, () => random.below(256));
}
