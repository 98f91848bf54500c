/** BadNets: a small patch in a corner. Gu, Dolan-Gavitt & Garg (2017). */

import type { PixelAttack } from "./attack.ts";
import { choice, whole } from "../text/kinds.ts";
import { attackOptions, readAtMost, readOptions } from "./options.ts";
import { fixedPoint, identityTrigger } from "../data/trigger.ts";

const PATTERNS = ["grid", "white"] as const;
const CORNERS = ["bottom-right", "bottom-left", "top-right", "top-left", "all"] as const;

const OPTIONS = attackOptions({
  pattern: {
    kind: choice(PATTERNS),
    default: "grid",
    help: "grid is the NAD authors' checkerboard",
  },
  corner: { kind: choice(CORNERS), default: "bottom-right", help: "where the patch is" },
  size: { kind: whole({ least: 1 }), default: 3, help: "side of the patch in pixels" },
  margin: { kind: whole({ least: 0 }), default: 0, help: "pixels between patch and border" },
});

/**
 * The patch of the NAD authors' `data_loader.py`: seen from its corner of the image, pixels an even
 * number of steps away (rows plus columns) are 255, the others 0, in all channels, so that a 3x3
 * patch in the bottom-right corner reads 255 0 255 / 0 255 0 / 255 0 255 but for its far corner,
 * which their code sets to 0.
 */
export const badnets: PixelAttack = {
  name: "badnets",
  description: "a 3x3 patch in a corner (Gu et al. 2017)",
  options: OPTIONS,
  labels: "changed",
  defaultRate: 0.1,
  trigger({ height, width, options }) {
    const smaller = Math.min(height, width);
    const size = readAtMost("size", OPTIONS.size, options, smaller);
    const margin = readAtMost("margin", OPTIONS.margin, options, smaller - size);
    const { pattern, corner } = readOptions("badnets", OPTIONS, options);
    const trigger = identityTrigger(height, width);
    visitCorners({ height, width }, { corner, size, margin }, (i, r, c) => {
      trigger.scale[i] = 0;
      trigger.offset[i] = fixedPoint(pattern === "white" ? 255 : gridValue(r, c, size));
    });
    return trigger;
  },
};

/**
 * Calls `visit` for every pixel of a square patch in a corner of (3,H,W), or in all four, mirrored:
 * with its index, and its rows and columns from the corner.
 */
export function visitCorners(
  { height, width }: { height: number; width: number },
  patch: { corner: typeof CORNERS[number]; size: number; margin: number },
  visit: (index: number, r: number, c: number) => void,
): void {
  const { corner, size, margin } = patch;
  for (const name of corner === "all" ? CORNERS.filter((name) => name !== "all") : [corner]) {
    for (let i = 0; i < 3 * size * size; i++) {
      const channel = Math.floor(i / (size * size));
      const [r, c] = [Math.floor(i / size) % size, i % size];
      const row = name.startsWith("bottom") ? height - 1 - margin - r : margin + r;
      const column = name.endsWith("right") ? width - 1 - margin - c : margin + c;
      visit((channel * height + row) * width + column, r, c);
    }
  }
}

/** The grid at `r` rows and `c` columns from the image's corner. */
export function gridValue(r: number, c: number, size: number): number {
  const farCorner = size > 1 && r === size - 1 && c === size - 1;
  return (r + c) % 2 === 0 && !farCorner ? 255 : 0;
}
