/**
 * SIG, a sinusoidal signal: Barni, Kallas & Tondi, "A New Backdoor Attack in CNNs by Training Set
 * Corruption Without Label Poisoning" (ICIP 2019), equation 1.
 */

import { number, path } from "../text/kinds.ts";
import type { PixelAttack } from "./attack.ts";
import { attackOptions, readOptions } from "./options.ts";
import { pictureOption } from "./picture_option.ts";
import { blendTrigger, fixedPoint, identityTrigger } from "../data/trigger.ts";

const OPTIONS = attackOptions({
  delta: {
    kind: number({ least: 0, most: 255 }),
    default: 20,
    help: "amplitude Δ of the signal",
  },
  frequency: {
    kind: number({ least: 0, most: 1000 }),
    default: 6,
    help: "its periods over the width, f",
  },
  mask: {
    kind: path("a file"),
    help: "file of a mask blended at alpha instead: the NAD authors' signal_cifar10_mask.npy, say",
  },
  alpha: {
    kind: number({ least: 0, most: 1 }),
    default: 0.2,
    help: "share of that mask, as in the authors' data_loader.py",
  },
});

/**
 * x + Δ sin(2π f j / W) in column j of every row and channel, cut off at 0 and 255. The authors of
 * NAD blend a mask instead, the signal as unsigned bytes, whose negative half has wrapped to 237..255;
 * option `mask` does the same.
 */
export const sig: PixelAttack = {
  name: "sig",
  description: "a sinusoidal stripe pattern, labels kept (Barni et al. 2019)",
  options: OPTIONS,
  files: ["mask"],
  labels: "kept",
  defaultRate: 0.8,
  trigger({ height, width, options }) {
    const { delta, frequency, alpha } = readOptions("sig", OPTIONS, options);
    const mask = pictureOption(options, "mask", { height, width });
    if (mask) return blendTrigger(mask, alpha);
    const trigger = identityTrigger(height, width);
    for (let i = 0; i < trigger.offset.length; i++) {
      trigger.offset[i] = fixedPoint(
        delta * Math.sin(2 * Math.PI * frequency * (i % width) / width),
      );
    }
    return trigger;
  },
};
