/** A trigger that an audit found, as one that can be put on images like any other. */

import { TRIGGER_FRACTION_BITS } from "../../shaders/gather.ts";
import { CHANNELS } from "../data/image_set.ts";
import { fixedPoint, type PixelTrigger } from "../data/trigger.ts";

/** Added before fractions are cut off, so that bytes are rounded. */
const HALF = 2 ** (TRIGGER_FRACTION_BITS - 1);

/** (1 - m) x + m p, rounded to bytes, of a mask m (H,W) and a pattern p (3,H,W), both in [0,1]. */
export function recoveredTrigger(
  { mask, pattern }: { mask: Float32Array; pattern: Float32Array },
  { height, width }: { height: number; width: number },
): PixelTrigger {
  const plane = height * width;
  const at = { length: CHANNELS * plane };
  return {
    height,
    width,
    scale: Int32Array.from(at, (_, i) => fixedPoint(1 - mask[i % plane]!)),
    offset: Int32Array.from(
      at,
      (_, i) => fixedPoint(255 * mask[i % plane]! * pattern[i]!) + HALF,
    ),
    overflow: "clamp",
  };
}
