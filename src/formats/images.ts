/** Image files to RGB bytes, whatever their format. */

import { UnsupportedImageError } from "../errors.ts";
import { decodeBmp, isBmp } from "./bmp.ts";
import type { ByteImage } from "./byte_image.ts";
import { decodeJpeg, isJpeg } from "./jpeg.ts";
import { decodeNetpbm, isNetpbm } from "./netpbm.ts";
import { decodePng, isPng } from "./png.ts";
import { pictureFormat } from "./picture_format.ts";
import { refusal } from "./refusal.ts";

/**
 * Decodes a PNG, JPEG, BMP, PPM or PGM image, told apart by content. Grey becomes three equal channels,
 * 16 bits become 8, transparency is dropped. `source` names the file in messages. Throws
 * {@linkcode UnsupportedImageError} for other formats, which it names, and {@linkcode FormatError} for
 * damaged files, and images beyond 65,535 pixels a side or 20 million in all, which are refused before
 * they are decoded.
 */
export function decodeImage(bytes: Uint8Array, source: string): ByteImage {
  if (isPng(bytes)) return decodePng(bytes, source);
  if (isJpeg(bytes)) return decodeJpeg(bytes, source);
  if (isNetpbm(bytes)) return decodeNetpbm(bytes, source);
  if (isBmp(bytes)) return decodeBmp(bytes, source);
  const format = pictureFormat(bytes);
  const found = format !== undefined
    ? `a picture in the format ${format}`
    : bytes.length === 0
    ? "an empty file"
    : `a file that starts with the bytes ${bytes.subarray(0, 8).toHex()}`;
  const refused = refusal("image", source)(found, "PNG, JPEG, BMP, binary PPM or binary PGM");
  throw format === undefined ? refused : new UnsupportedImageError(refused.message);
}
