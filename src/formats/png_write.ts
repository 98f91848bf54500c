/** RGB bytes to PNG images. */

import { encode } from "npm:fast-png@8.0.0";
import type { ByteImage } from "./byte_image.ts";

/**
 * A PNG file of 8-bit RGB, without loss. Throws `RangeError` where the number of pixels is not
 * 3 H W.
 */
export function encodePng({ height, width, pixels }: ByteImage): Uint8Array<ArrayBuffer> {
  const area = height * width;
  if (pixels.length !== 3 * area || area === 0) {
    throw new RangeError(
      `cannot encode a PNG of ${width} x ${height} pixels from ${pixels.length} bytes`,
    );
  }
  const interleaved = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let channel = 0; channel < 3; channel++) {
      interleaved[3 * i + channel] = pixels[channel * area + i]!;
    }
  }
  return new Uint8Array(encode({ width, height, data: interleaved, channels: 3, depth: 8 }));
}
