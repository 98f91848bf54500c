/**
 * BMP images to RGB bytes: the bitmaps of Windows and OS/2 without compression (Microsoft, "Bitmap
 * Storage"; `wingdi.h`, `BITMAPINFOHEADER`). Compressed ones and those of 16 bits are rare and refused.
 */

import { UnsupportedImageError } from "../errors.ts";
import { type ByteImage, checkImageSize } from "./byte_image.ts";
import { refusal, type Refuse } from "./refusal.ts";

const FILE_HEADER_BYTES = 14;

/** The header of OS/2, which has shorter numbers and three bytes a colour. */
const CORE_HEADER_BYTES = 12;

/** Compression codes: none, and none with a mask for each channel. */
const [PLAIN, BIT_FIELDS] = [0, 3];

/** The masks of blue, green, red, unused, the one order of 32 bits that is read. */
const MASKS = [0x00ff0000, 0x0000ff00, 0x000000ff];

const LARGEST_PALETTE_DEPTH = 8;

interface Header {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  /** Bits a pixel. */
  readonly depth: number;
  /** Colours, four bytes (three in the header of OS/2) of blue, green and red each. */
  readonly palette: Uint8Array;
  readonly colourBytes: number;
  /** First byte of the pixels. */
  readonly start: number;
}

/** True of bytes that start like a BMP file. */
export function isBmp(bytes: Uint8Array): boolean {
  return bytes[0] === 0x42 && bytes[1] === 0x4d && bytes.length >= FILE_HEADER_BYTES + 4 &&
    bytes.subarray(6, 10).every((byte) => byte === 0);
}

function readHeader(bytes: Uint8Array, refuse: Refuse): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = view.getUint32(10, true);
  const headerBytes = view.getUint32(FILE_HEADER_BYTES, true);
  const core = headerBytes === CORE_HEADER_BYTES;
  const end = FILE_HEADER_BYTES + headerBytes;
  if ((!core && headerBytes < 40) || headerBytes > 124 || end > bytes.length) {
    throw refuse(`a header of ${headerBytes} bytes`, "12, or 40 to 124, that fit the file");
  }
  const width = core ? view.getUint16(18, true) : view.getInt32(18, true);
  const rows = core ? view.getUint16(20, true) : view.getInt32(22, true);
  const height = Math.abs(rows);
  checkImageSize(width, height, refuse);
  const depth = view.getUint16(core ? 24 : 28, true);
  const compression = core ? PLAIN : view.getUint32(30, true);
  // The masks follow the shortest header and are part of the longer ones, at the same place.
  const masked = compression === BIT_FIELDS && depth === 32 && bytes.length >= 66 &&
    MASKS.every((mask, i) => view.getUint32(54 + 4 * i, true) === mask);
  if (![1, 4, 8, 24, 32].includes(depth) || (compression !== PLAIN && !masked)) {
    const { message } = refuse(
      `a BMP of ${depth} bits with compression ${compression}`,
      "1, 4, 8, 24 or 32 bits without compression",
    );
    throw new UnsupportedImageError(message);
  }
  const colourBytes = core ? 3 : 4;
  const stated = core ? 0 : view.getUint32(46, true);
  const colours = depth > LARGEST_PALETTE_DEPTH ? 0 : Math.min(stated || 256, 2 ** depth);
  const palette = bytes.subarray(end, Math.min(end + colours * colourBytes, start));
  return { width, height, topDown: rows < 0, depth, palette, colourBytes, start };
}

/**
 * Decodes a BMP of 1, 4 or 8 bits with a palette, or of 24 or 32 bits, whose fourth byte is dropped.
 * `source` names the file in messages. Throws {@linkcode UnsupportedImageError} for other kinds and
 * {@linkcode FormatError} for bad headers, sizes beyond the limits and files that are too short.
 */
export function decodeBmp(bytes: Uint8Array, source: string): ByteImage {
  const refuse = refusal("BMP image", source);
  if (!isBmp(bytes)) throw refuse("another kind of file", "BM");
  const { width, height, topDown, depth, palette, colourBytes, start } = readHeader(bytes, refuse);
  const rowBytes = Math.ceil(width * depth / 32) * 4;
  if (start < FILE_HEADER_BYTES || bytes.length - start < rowBytes * height) {
    throw refuse(
      `${bytes.length - start} bytes of pixels`,
      `${rowBytes * height} for ${width} x ${height}`,
    );
  }
  const area = width * height;
  const pixels = new Uint8Array(3 * area);
  for (let y = 0; y < height; y++) {
    const row = start + (topDown ? y : height - 1 - y) * rowBytes;
    for (let x = 0; x < width; x++) {
      let from = row + x * (depth / 8);
      let colours = bytes;
      if (depth <= LARGEST_PALETTE_DEPTH) {
        const bit = x * depth;
        const index = (bytes[row + (bit >> 3)]! >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
        from = index * colourBytes;
        colours = palette;
        if (from + 3 > palette.length) {
          const known = Math.floor(palette.length / colourBytes);
          throw refuse(`colour ${index} of a palette of ${known}`, "a known colour");
        }
      }
      const at = y * width + x;
      pixels[at] = colours[from + 2]!;
      pixels[area + at] = colours[from + 1]!;
      pixels[2 * area + at] = colours[from]!;
    }
  }
  return { height, width, pixels };
}
