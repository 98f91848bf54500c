/**
 * SIG, a sinusoidal signal: Barni, Kallas & Tondi, "A New Backdoor Attack in CNNs by Training Set
 * Corruption Without Label Poisoning" (ICIP 2019), equation 1.
 */

import type { PixelAttack } from "./attack.ts";
import { checkOptionNames, decimal } from "./options.ts";
import { pictureOption } from "./picture_option.ts";
import { blendTrigger, fixedPoint, identityTrigger } from "../data/trigger.ts";

const OPTIONS = {
  delta: "amplitude Δ of the signal, default 20",
  frequency: "its periods over the width, f, default 6",
  mask: "file of a mask blended at alpha instead: the NAD authors' signal_cifar10_mask.npy, say",
  alpha: "share of that mask, default 0.2 (the authors' data_loader.py)",
} as const;

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
    checkOptionNames("sig", options, Object.keys(OPTIONS));
    const delta = decimal(options, "delta", { default: 20, low: 0, high: 255 });
    const frequency = decimal(options, "frequency", { default: 6, low: 0, high: 1000 });
    const alpha = decimal(options, "alpha", { default: 0.2, low: 0, high: 1 });
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
