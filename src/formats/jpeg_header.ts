/**
 * What a JPEG file says of itself, read before any of it is decoded (ITU-T T.81, annex B): jpeg-js
 * allocates by the stated size and repeats as many scans as it is given.
 */

import { type FormatError, UnsupportedImageError } from "../errors.ts";
import { checkImageSize } from "./byte_image.ts";
import type { Refuse } from "./refusal.ts";

/** The facts that decide whether and how to decode. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** True where the components are red, green and blue, or four inks, and not YCbCr or YCCK. */
  readonly isPlain: boolean;
}

/** Progressive files have about ten scans; each costs a pass over the whole image. */
const MAXIMUM_SCANS = 100;

/** Baseline, extended sequential and progressive, Huffman-coded: what jpeg-js decodes. */
const FRAME_MARKERS = [0xc0, 0xc1, 0xc2];

/** Bytes of a frame header before its components: precision, height, width, their number. */
const FRAME_BYTES = 6;

/** Blocks over all scans: 12 megapixels of a camera, progressive, have three million. */
const MAXIMUM_BLOCK_SCANS = 8_000_000;

/** Bytes that jpeg-js takes for a block of 8 x 8 samples, and for a pixel (measured, Deno 2.9). */
const [BLOCK_MEMORY, PIXEL_MEMORY] = [900, 9];

/** Most bytes that decoding may take for a file of a given size, and for any: 12 megapixels. */
const allowedMemory = (fileBytes: number) => Math.min(200e6 + 48 * fileBytes, 400e6);

interface Segment {
  readonly marker: number;
  readonly body: Uint8Array;
}

/** The segments up to the end of the image; entropy-coded data behind a scan are skipped. */
function* segments(bytes: Uint8Array, refuse: Refuse): Generator<Segment> {
  for (let at = 2;;) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff || marker === undefined) {
      throw refuse(`no marker at byte ${at} of ${bytes.length}`, "a complete JPEG file");
    }
    if (marker === 0xd9) return;
    const length = bytes[at + 2]! * 256 + bytes[at + 3]!;
    const end = at + 2 + length;
    if (!(length >= 2 && end <= bytes.length)) {
      throw refuse(`a truncated segment at byte ${at}`, "a complete JPEG file");
    }
    yield { marker, body: bytes.subarray(at + 4, end) };
    at = end;
    if (marker !== 0xda) continue;
    // In coded data 0xff is followed by 0 or a restart marker; anything else ends the scan.
    while (at < bytes.length) {
      at = bytes.indexOf(0xff, at);
      if (at < 0) throw refuse("a scan without an end", "a complete JPEG file");
      const next = bytes[at + 1]!;
      if (next !== 0 && !(next >= 0xd0 && next <= 0xd7)) break;
      at += 2;
    }
  }
}

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

/**
 * Blocks of 8 x 8 samples in all components. Each takes a bit of the file at least, the shortest
 * code there is, so that their number bounds the size of the image (annex A.1.1).
 */
function countBlocks(frame: Uint8Array, width: number, height: number, refuse: Refuse): number {
  const factors = [...frame].filter((_, i) => i >= FRAME_BYTES && i % 3 === 1)
    .map((byte) => ({ horizontal: byte >> 4, vertical: byte & 15 }));
  const horizontalMaximum = Math.max(...factors.map(({ horizontal }) => horizontal));
  const verticalMaximum = Math.max(...factors.map(({ vertical }) => vertical));
  return factors.reduce((blocks, { horizontal, vertical }) => {
    if (horizontal < 1 || horizontal > 4 || vertical < 1 || vertical > 4) {
      throw refuse(`sampling factors ${horizontal} and ${vertical}`, "1 to 4");
    }
    const columns = Math.ceil(width * horizontal / horizontalMaximum / 8);
    return blocks + columns * Math.ceil(height * vertical / verticalMaximum / 8);
  }, 0);
}

const unsupported = ({ message }: FormatError) => new UnsupportedImageError(message);

/**
 * Reads the header and walks to the end of the image. Throws what `refuse` makes for truncated
 * files, sizes beyond the limits or beyond what so few bytes can code, more than one frame, more
 * than {@linkcode MAXIMUM_SCANS} scans, and {@linkcode UnsupportedImageError} for kinds that are not
 * decoded: arithmetic coding, 12 bits, CMYK without Adobe's segment.
 */
export function readJpegHeader(bytes: Uint8Array, refuse: Refuse): JpegHeader {
  let frame: Uint8Array | undefined;
  let scans = 0;
  let adobeTransform: number | undefined;
  for (const { marker, body } of segments(bytes, refuse)) {
    if (isFrame(marker)) {
      if (!FRAME_MARKERS.includes(marker)) {
        throw unsupported(
          refuse(`JPEG process ${marker - 0xc0}`, "baseline or progressive with Huffman codes"),
        );
      }
      if (frame || body.length < FRAME_BYTES) throw refuse("two frames, or a short one", "one");
      frame = body;
    } else if (marker === 0xda) {
      if (!frame) throw refuse("a scan before the frame", "a frame first");
      scans++;
    } else if (marker === 0xee && new TextDecoder().decode(body.subarray(0, 5)) === "Adobe") {
      adobeTransform = body[11];
    }
  }
  if (!frame || scans === 0 || scans > MAXIMUM_SCANS) {
    throw refuse(`${scans} scans`, `a frame and 1 to ${MAXIMUM_SCANS} scans`);
  }
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const [precision, height, width] = [view.getUint8(0), view.getUint16(1), view.getUint16(3)];
  const components = view.getUint8(5);
  const known = components === 1 || components === 3 ||
    // Without Adobe's segment nobody knows which way round the inks are.
    (components === 4 && adobeTransform !== undefined);
  if (precision !== 8 || !known) {
    throw unsupported(
      refuse(
        `${components} components of ${precision} bits`,
        "1, 3, or 4 with Adobe's segment, of 8 bits",
      ),
    );
  }
  if (frame.length !== FRAME_BYTES + 3 * components) throw refuse("a bad frame", "a valid one");
  checkImageSize(width, height, refuse);
  const blocks = countBlocks(frame, width, height, refuse);
  if (blocks > 8 * bytes.length) {
    throw refuse(`${width} x ${height} pixels in ${bytes.length} bytes`, "a bit for each block");
  }
  if (blocks * scans > MAXIMUM_BLOCK_SCANS) {
    throw refuse(`${scans} scans of ${width} x ${height} pixels`, "fewer, or a smaller image");
  }
  const memory = blocks * BLOCK_MEMORY + PIXEL_MEMORY * width * height;
  const allowed = allowedMemory(bytes.length);
  if (memory > allowed) {
    throw refuse(
      `${width} x ${height} pixels, which take ${memory} bytes to decode`,
      `at most ${allowed}: make the image smaller`,
    );
  }
  const ids = String.fromCharCode(...frame.filter((_, i) => i >= FRAME_BYTES && i % 3 === 0));
  return { width, height, isPlain: adobeTransform === 0 || ids === "RGB" };
}
