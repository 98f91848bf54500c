/**
 * CTRL: Li, Pang, Xi, Du, Ji, Yao & Wang, "An Embarrassingly Simple Backdoor Attack on
 * Self-supervised Learning" (ICCV 2023), as its code runs it on labelled images.
 */

import { number } from "../text/kinds.ts";
import type { Attack } from "./attack.ts";
import { frequencyPattern, mapPixels } from "./frequency.ts";
import { attackOptions, readOptions } from "./options.ts";

const OPTIONS = attackOptions({
  magnitude: {
    kind: number({ least: 0, most: 1000 }),
    default: 100,
    help: "added to two coefficients of both colour channels, in units of a byte",
  },
});

/**
 * Two waves in the colours: the middle and the highest frequency of the channels U and V of each
 * block of 32 pixels become larger by `magnitude`. Colours are converted by the matrices of the
 * published code (kornia's), which are each other's inverse to a thousandth only; bytes are rounded.
 */
export const ctrl: Attack = {
  name: "ctrl",
  description: "two frequencies of the colours, labels kept (Li et al. 2023)",
  options: OPTIONS,
  labels: "kept",
  defaultRate: 0.5,
  trigger({ height, width, options }) {
    const { magnitude } = readOptions("ctrl", OPTIONS, options);
    const pattern = frequencyPattern(height, width, magnitude);
    return {
      height,
      width,
      apply: (image) =>
        mapPixels(image, ([r, g, b], i) => {
          const y = 0.299 * r + 0.587 * g + 0.114 * b;
          const u = -0.147 * r - 0.289 * g + 0.436 * b + pattern[i]!;
          const v = 0.615 * r - 0.515 * g - 0.1 * b + pattern[i]!;
          return [y + 1.14 * v, y - 0.396 * u - 0.581 * v, y + 2.029 * u];
        }),
    };
  },
};
