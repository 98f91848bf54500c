/**
 * PNG images to RGB bytes (W3C, Portable Network Graphics, second edition). The decoder of fast-png
 * inflates without a limit and mixes up interlaced images below 8 bits, hence this one;
 * {@link ./png_write.ts} uses its encoder.
 */

import { quoted } from "../text/quoted.ts";
import { type ByteImage, checkImageSize } from "./byte_image.ts";
import { crc32 } from "./crc32.ts";
import { inflateExactly } from "./inflate.ts";
import { refusal, type Refuse } from "./refusal.ts";
import { unfilter } from "./png_filter.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Colour type -> samples a pixel and the bit depths that the standard allows (table 11.1). */
const COLOUR_TYPES: ReadonlyMap<number, { channels: number; depths: readonly number[] }> = new Map([
  [0, { channels: 1, depths: [1, 2, 4, 8, 16] }],
  [2, { channels: 3, depths: [8, 16] }],
  [3, { channels: 1, depths: [1, 2, 4, 8] }],
  [4, { channels: 2, depths: [8, 16] }],
  [6, { channels: 4, depths: [8, 16] }],
]);

const PALETTE_TYPE = 3;

/** Most bytes that are decompressed: 20 million pixels, 16 with transparency, 8 of 16 bits. */
const MAXIMUM_FILTERED_BYTES = 66_000_000;

/** Pixels of one pass: `x`, `y` of the first and the steps between them. */
interface Pass {
  readonly x: number;
  readonly y: number;
  readonly stepX: number;
  readonly stepY: number;
}

const WHOLE: readonly Pass[] = [{ x: 0, y: 0, stepX: 1, stepY: 1 }];

/** Adam7 (section 8.2). */
const ADAM7: readonly Pass[] = [
  { x: 0, y: 0, stepX: 8, stepY: 8 },
  { x: 4, y: 0, stepX: 8, stepY: 8 },
  { x: 0, y: 4, stepX: 4, stepY: 8 },
  { x: 2, y: 0, stepX: 4, stepY: 4 },
  { x: 0, y: 2, stepX: 2, stepY: 4 },
  { x: 1, y: 0, stepX: 2, stepY: 2 },
  { x: 0, y: 1, stepX: 1, stepY: 2 },
];

interface Header {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly depth: number;
  readonly colourType: number;
  /** Samples a pixel in the file. */
  readonly channels: number;
  readonly passes: readonly Pass[];
}

interface Chunks {
  readonly header: Header;
  /** Three bytes a colour; empty without PLTE. */
  readonly palette: Uint8Array;
  /** The zlib stream, IDAT chunks put together. */
  readonly data: Uint8Array;
}

/** True of bytes that start like a PNG file. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

function parseHeader(chunk: Uint8Array, refuse: Refuse): Header {
  if (chunk.length !== 13) throw refuse(`an IHDR chunk of ${chunk.length} bytes`, "13");
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, colourType] = [view.getUint8(8), view.getUint8(9)];
  const type = COLOUR_TYPES.get(colourType);
  if (!type?.depths.includes(depth)) {
    throw refuse(`colour type ${colourType} of ${depth} bits`, "a combination that PNG allows");
  }
  const interlace = view.getUint8(12);
  if (view.getUint8(10) !== 0 || view.getUint8(11) !== 0 || interlace > 1) {
    throw refuse("an unknown compression, filter or interlace method", "0, 0, and 0 or 1");
  }
  checkImageSize(width, height, refuse);
  const passes = interlace === 1 ? ADAM7 : WHOLE;
  return { width, height, depth, colourType, channels: type.channels, passes };
}

/** Walks the chunks to IEND. Ancillary ones, some of which are compressed, are skipped. */
function readChunks(bytes: Uint8Array, refuse: Refuse): Chunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: Header | undefined;
  let palette = new Uint8Array(0);
  // Any number of chunks, which together are no longer than the file.
  const data = new Uint8Array(bytes.length);
  let filled = 0;
  for (let at = SIGNATURE.length;;) {
    const length = at + 12 <= bytes.length ? view.getUint32(at) : Infinity;
    if (length > bytes.length - at - 12) throw refuse("a truncated chunk", "a complete file");
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const chunk = bytes.subarray(at + 8, at + 8 + length);
    const critical = (bytes[at + 4]! & 0x20) === 0;
    if (
      critical && crc32(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length)
    ) {
      throw refuse(`chunk ${quoted(type)} with a wrong checksum`, "undamaged data");
    }
    if ((type === "IHDR") !== (header === undefined)) {
      throw refuse(`chunk ${quoted(type)} at byte ${at}`, "one IHDR, which comes first");
    }
    if (type === "IHDR") header = parseHeader(chunk, refuse);
    else if (type === "PLTE") palette = new Uint8Array(chunk);
    else if (type === "IDAT") {
      data.set(chunk, filled);
      filled += chunk.length;
    } else if (type === "IEND") break;
    else if (critical) throw refuse(`unknown critical chunk ${quoted(type)}`, "a known one");
    at += 12 + length;
  }
  return { header: header!, palette, data: data.subarray(0, filled) };
}

/** Pixels of a pass in each direction, and the bytes of one of its rows without the filter byte. */
function passSize({ width, height, depth, channels }: Header, pass: Pass) {
  const columns = Math.max(0, Math.ceil((width - pass.x) / pass.stepX));
  const rows = columns === 0 ? 0 : Math.max(0, Math.ceil((height - pass.y) / pass.stepY));
  return { columns, rows, rowBytes: Math.ceil(columns * channels * depth / 8) };
}

/** Sample `index` of a row as the file holds it. */
function sampleAt(row: Uint8Array, index: number, depth: number): number {
  if (depth === 8) return row[index]!;
  if (depth === 16) return row[2 * index]! * 256 + row[2 * index + 1]!;
  const bit = index * depth;
  return (row[bit >> 3]! >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
}

/**
 * Decodes a PNG image of any colour type, depth and interlacing. Samples are scaled to 0..255 and
 * rounded, grey becomes three equal channels, and transparency is dropped, as by
 * `PIL.Image.convert("RGB")` through which PyTorch's data sets load images; but for grey of 16 bits,
 * which Pillow 9.4 clips to 255 instead, so that almost all of it is white. `source` names the file
 * in messages. Throws {@linkcode FormatError} where the file is damaged, truncated or too large.
 */
export function decodePng(bytes: Uint8Array, source: string): ByteImage {
  const refuse = refusal("PNG image", source);
  if (!isPng(bytes)) throw refuse("another kind of file", "PNG's signature");
  const { header, palette, data } = readChunks(bytes, refuse);
  const { width, height, depth, channels, colourType, passes } = header;
  const sizes = passes.map((pass) => passSize(header, pass));
  const total = sizes.reduce((sum, { rows, rowBytes }) => sum + rows * (1 + rowBytes), 0);
  if (total > MAXIMUM_FILTERED_BYTES) {
    throw refuse(
      `${total} bytes for ${width} x ${height} pixels of ${channels * depth} bits`,
      `at most ${MAXIMUM_FILTERED_BYTES}`,
    );
  }
  const filtered = inflateExactly(data, total, "zlib", refuse);

  const area = width * height;
  const pixels = new Uint8Array(3 * area);
  const scale = 255 / (2 ** depth - 1);
  const colour = channels >= 3;
  let at = 0;
  for (const [i, pass] of passes.entries()) {
    const { columns, rows, rowBytes } = sizes[i]!;
    const pixelBytes = Math.max(1, channels * depth / 8);
    unfilter(filtered.subarray(at, at + rows * (1 + rowBytes)), rows, rowBytes, pixelBytes, refuse);
    for (let r = 0; r < rows; r++, at += 1 + rowBytes) {
      const row = filtered.subarray(at + 1, at + 1 + rowBytes);
      const line = (pass.y + r * pass.stepY) * width + pass.x;
      for (let c = 0; c < columns; c++) {
        const target = line + c * pass.stepX;
        const first = sampleAt(row, c * channels, depth);
        if (colourType === PALETTE_TYPE && 3 * first >= palette.length) {
          throw refuse(`colour ${first} of a palette of ${palette.length / 3}`, "a known colour");
        }
        for (let channel = 0; channel < 3; channel++) {
          pixels[channel * area + target] = colourType === PALETTE_TYPE
            ? palette[3 * first + channel]!
            : Math.round(scale * (colour ? sampleAt(row, c * channels + channel, depth) : first));
        }
      }
    }
  }
  return { height, width, pixels };
}
