/** The row filters of PNG, undone (W3C, Portable Network Graphics, section 9). */

import type { Refuse } from "./refusal.ts";

/** Whichever of left, above and upper left is nearest to left + above - upper left. */
function paeth(left: number, above: number, upperLeft: number): number {
  const toLeft = Math.abs(above - upperLeft);
  const toAbove = Math.abs(left - upperLeft);
  const toUpperLeft = Math.abs(left + above - 2 * upperLeft);
  if (toLeft <= toAbove && toLeft <= toUpperLeft) return left;
  return toAbove <= toUpperLeft ? above : upperLeft;
}

/**
 * Undoes the filters of one pass in place. `data` holds `rows` rows, each a filter byte and
 * `rowBytes` bytes; `pixelBytes` is the distance to the byte on the left. Throws what `refuse`
 * makes for an unknown filter.
 */
export function unfilter(
  data: Uint8Array,
  rows: number,
  rowBytes: number,
  pixelBytes: number,
  refuse: Refuse,
): void {
  for (let r = 0; r < rows; r++) {
    const start = r * (1 + rowBytes) + 1;
    const filter = data[start - 1]!;
    if (filter > 4) throw refuse(`row filter ${filter}`, "0 to 4");
    if (filter === 0) continue;
    for (let i = 0; i < rowBytes; i++) {
      const at = start + i;
      const left = i >= pixelBytes ? data[at - pixelBytes]! : 0;
      const above = r > 0 ? data[at - 1 - rowBytes]! : 0;
      const upperLeft = r > 0 && i >= pixelBytes ? data[at - 1 - rowBytes - pixelBytes]! : 0;
      let prediction = left;
      if (filter === 2) prediction = above;
      else if (filter === 3) prediction = (left + above) >> 1;
      else if (filter === 4) prediction = paeth(left, above, upperLeft);
      data[at] = data[at]! + prediction;
    }
  }
}
