/** Attention maps laid over the images that they belong to. */

import { resizeImage } from "../data/resize.ts";
import type { ByteImage } from "../formats/byte_image.ts";

/** From no attention to the most: the colour map "inferno" of matplotlib, at nine points. */
const COLORS = [
  [0, 0, 4],
  [31, 12, 72],
  [85, 15, 109],
  [136, 34, 106],
  [186, 54, 85],
  [227, 89, 51],
  [249, 140, 10],
  [249, 201, 50],
  [252, 255, 164],
] as const;

/** How much of the image shows through where there is no attention, and where there is most. */
const IMAGE_SHARE = { least: 0.1, most: 0.45 };

/** Red, green or blue (0, 1, 2), 0..255, of a heat of 0..1. */
function heatColor(heat: number, channel: 0 | 1 | 2): number {
  const place = heat * (COLORS.length - 1);
  const index = Math.min(COLORS.length - 2, Math.floor(place));
  const [from, to] = [COLORS[index]![channel], COLORS[index + 1]![channel]];
  return from + (to - from) * (place - index);
}

/**
 * The map, relative to its largest value, as heat over the image in grey.
 *
 * @param map (h,w), of at least 0, interpolated to the size of the image.
 * @param size h and w.
 */
export function attentionPicture(
  image: ByteImage,
  map: Float32Array,
  size: { height: number; width: number },
): ByteImage {
  const largest = map.reduce((a, b) => Math.max(a, b), 0) || 1;
  const bytes = Uint8Array.from(map, (value) => Math.round(255 * value / largest));
  const { height, width } = image;
  const heat = resizeImage(bytes, size.height, size.width, height, width);
  const area = height * width;
  const pixels = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) {
    const [r, g, b] = [image.pixels[i]!, image.pixels[area + i]!, image.pixels[2 * area + i]!];
    const grey = 0.299 * r + 0.587 * g + 0.114 * b;
    const value = heat[i]! / 255;
    const share = IMAGE_SHARE.most + (IMAGE_SHARE.least - IMAGE_SHARE.most) * value;
    for (const channel of [0, 1, 2] as const) {
      pixels[channel * area + i] = Math.round(
        share * grey + (1 - share) * heatColor(value, channel),
      );
    }
  }
  return { height, width, pixels };
}
