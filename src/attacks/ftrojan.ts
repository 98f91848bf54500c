/**
 * FTrojan: Wang, Yao, Xu, An, Tong & Wang, "An Invisible Black-box Backdoor Attack through Frequency
 * Domain" (ECCV 2022).
 */

import { number } from "../text/kinds.ts";
import type { Attack } from "./attack.ts";
import { frequencyPattern, mapPixels } from "./frequency.ts";
import { attackOptions, readOptions } from "./options.ts";

const OPTIONS = attackOptions({
  magnitude: {
    kind: number({ least: 0, most: 1000 }),
    default: 30,
    help: "added to two coefficients of both colour channels, in units of a byte",
  },
});

/**
 * Two waves in the colours: the middle and the highest frequency of the channels Cr and Cb of each
 * block of 32 pixels become larger by `magnitude`; fractions are cut off, as in the published code.
 * There a value outside 0..255 wraps; here it is cut off too.
 */
export const ftrojan: Attack = {
  name: "ftrojan",
  description: "two frequencies of the colours (Wang et al. 2022)",
  options: OPTIONS,
  labels: "changed",
  defaultRate: 0.1,
  trigger({ height, width, options }) {
    const { magnitude } = readOptions("ftrojan", OPTIONS, options);
    const pattern = frequencyPattern(height, width, magnitude);
    const shifted = (value: number, i: number) =>
      Math.min(255, Math.max(0, Math.floor(value + pattern[i]!)));
    return {
      height,
      width,
      apply: (image) =>
        mapPixels(image, (pixel, i) => {
          const [y, cr, cb] = luminance(pixel);
          return colours([y, shifted(cr, i), shifted(cb, i)]);
        }),
    };
  },
};

/** Fixed point of OpenCV's colour conversions. */
const BITS = 14;

/** `value` of that fixed point, rounded to the nearest whole number. */
const whole = (value: number) => Math.floor((value + 2 ** (BITS - 1)) / 2 ** BITS);

const byte = (value: number) => Math.min(255, Math.max(0, value));

type Triple = readonly [number, number, number];

/** Y, Cr, Cb of bytes R, G, B, as OpenCV's `COLOR_RGB2YCrCb` has them, to the bit. */
function luminance([r, g, b]: Triple): Triple {
  const y = whole(4899 * r + 9617 * g + 1868 * b);
  const middle = 128 * 2 ** BITS;
  return [y, byte(whole(11682 * (r - y) + middle)), byte(whole(9241 * (b - y) + middle))];
}

/** R, G, B of bytes Y, Cr, Cb, as OpenCV's `COLOR_YCrCb2RGB` has them, to the bit. */
function colours([y, cr, cb]: Triple): Triple {
  const [red, blue] = [cr - 128, cb - 128];
  return [
    byte(y + whole(22987 * red)),
    byte(y + whole(-5636 * blue - 11698 * red)),
    byte(y + whole(29049 * blue)),
  ];
}
