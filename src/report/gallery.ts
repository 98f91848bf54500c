/** A sheet of small images, enlarged, in rows. */

import type { ByteImage } from "../formats/byte_image.ts";

/** Pixels between images, and twice that between groups of rows. */
const GAP = 4;

const BACKGROUND = 255;

/** Grey level of no difference. */
const MIDDLE = 128;

/** `after` - `before`, `factor` times, around middle grey and cut off. */
export function amplifiedDifference(
  before: Uint8Array,
  after: Uint8Array,
  factor: number,
): Uint8Array<ArrayBuffer> {
  const clamped = Uint8ClampedArray.from(
    after,
    (byte, i) => MIDDLE + factor * (byte - before[i]!),
  );
  return new Uint8Array(clamped.buffer);
}

/**
 * Groups of rows of images of one size on one sheet, each pixel drawn as `scale` x `scale`.
 *
 * @param groups Groups, their rows, and the images (3,H,W) of each.
 */
export function gallery(
  groups: readonly (readonly (readonly Uint8Array[])[])[],
  size: { height: number; width: number },
  scale: number,
): ByteImage {
  const rows = groups.flat();
  const columns = Math.max(...rows.map((row) => row.length));
  const [tileHeight, tileWidth] = [size.height * scale, size.width * scale];
  const width = GAP + columns * (tileWidth + GAP);
  const height = GAP + rows.length * (tileHeight + GAP) + (groups.length - 1) * GAP;
  const pixels = new Uint8Array(3 * height * width).fill(BACKGROUND);
  let top = GAP;
  for (const group of groups) {
    for (const row of group) {
      for (const [i, image] of row.entries()) {
        const left = GAP + i * (tileWidth + GAP);
        for (let at = 0; at < 3 * tileHeight * tileWidth; at++) {
          const channel = Math.floor(at / (tileHeight * tileWidth));
          const y = Math.floor(at / tileWidth) % tileHeight;
          const x = at % tileWidth;
          const source = (channel * size.height + Math.floor(y / scale)) * size.width +
            Math.floor(x / scale);
          pixels[(channel * height + top + y) * width + left + x] = image[source]!;
        }
      }
      top += tileHeight + GAP;
    }
    top += GAP;
  }
  return { height, width, pixels };
}
