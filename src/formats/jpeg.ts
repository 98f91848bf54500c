/** JPEG images to RGB bytes, by jpeg-js behind the checks of {@link ./jpeg_header.ts}. */

import { decode } from "npm:jpeg-js@0.4.4";
import { type ByteImage, MAXIMUM_PIXELS } from "./byte_image.ts";
import { readJpegHeader } from "./jpeg_header.ts";
import { refusal } from "./refusal.ts";

/** Above what {@link ./jpeg_header.ts} lets through: a second line of defence. */
const MAXIMUM_MEMORY_MEBIBYTES = 2048;

/** True of bytes that start like a JPEG file. */
export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/**
 * Decodes a baseline or progressive JPEG, grey, colour or CMYK. Where chroma is subsampled it is repeated
 * and not interpolated, so that pixels at sharp edges between colours differ from libjpeg's; an
 * orientation in EXIF is ignored, as PyTorch's data sets do. `source` names the file in messages.
 * Throws {@linkcode FormatError} where the file is damaged, truncated, too large, or of a kind that
 * is not decoded.
 */
export function decodeJpeg(bytes: Uint8Array, source: string): ByteImage {
  const refuse = refusal("JPEG image", source);
  if (!isJpeg(bytes)) throw refuse("another kind of file", "JPEG's signature");
  const { width, height, isPlain } = readJpegHeader(bytes, refuse);
  let interleaved: Uint8Array;
  try {
    interleaved = decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      colorTransform: !isPlain,
      maxResolutionInMP: MAXIMUM_PIXELS / 1e6,
      maxMemoryUsageInMB: MAXIMUM_MEMORY_MEBIBYTES,
    }).data;
  } catch {
    throw refuse("damaged image data", "a valid JPEG file");
  }
  const area = width * height;
  if (interleaved.length !== 3 * area) {
    throw refuse(`${interleaved.length} bytes of pixels`, `${3 * area} for ${width} x ${height}`);
  }
  const pixels = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let channel = 0; channel < 3; channel++) {
      pixels[channel * area + i] = interleaved[3 * i + channel]!;
    }
  }
  return { height, width, pixels };
}
