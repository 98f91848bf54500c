/** The grid of the authors' loader, pixel by pixel from its specification. */

import { fixedPoint, identityTrigger, type PixelTrigger } from "../../src/data/trigger.ts";

/** From the bottom right corner leftwards, rows from the bottom. */
const GRID = [[255, 0, 255], [0, 255, 0], [255, 0, 0]];

/** A 3x3 checkerboard in the bottom right corner of 32x32 images, in all channels. */
export function gridTrigger(): PixelTrigger {
  const trigger = identityTrigger(32, 32);
  for (let channel = 0; channel < 3; channel++) {
    for (const [up, row] of GRID.entries()) {
      for (const [left, byte] of row.entries()) {
        const at = (channel * 32 + 31 - up) * 32 + 31 - left;
        trigger.scale[at] = 0;
        trigger.offset[at] = fixedPoint(byte);
      }
    }
  }
  return trigger;
}
