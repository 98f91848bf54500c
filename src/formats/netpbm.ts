/** Binary PPM (P6) and PGM (P5) images, the format of GTSRB (netpbm's `ppm(5)` and `pgm(5)`). */

import { type ByteImage, checkImageSize } from "./byte_image.ts";
import { refusal, type Refuse } from "./refusal.ts";

interface Header {
  readonly channels: 1 | 3;
  readonly width: number;
  readonly height: number;
  /** The sample value that means white, 1..65535. */
  readonly maximum: number;
  /** First byte of the samples. */
  readonly start: number;
}

const isSpace = (byte: number | undefined) => byte === 0x20 || (byte! >= 9 && byte! <= 13);

const isDigit = (byte: number | undefined) => byte! >= 0x30 && byte! <= 0x39;

/** True of bytes that start like a binary PPM or PGM file. */
export function isNetpbm(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && (bytes[1] === 0x35 || bytes[1] === 0x36);
}

/** Reads three numbers behind the magic, parted by white space and comments from # to line end. */
function readHeader(bytes: Uint8Array, refuse: Refuse): Header {
  let at = 2;
  const readNumber = (what: string): number => {
    const start = at;
    while (isSpace(bytes[at]) || bytes[at] === 0x23) {
      if (bytes[at] === 0x23) {
        const lineEnd = bytes.indexOf(0x0a, at);
        at = lineEnd < 0 ? bytes.length : lineEnd;
      } else at++;
    }
    const first = at;
    while (isDigit(bytes[at]) && at - first < 6) at++;
    if (first === start || at === first || isDigit(bytes[at])) {
      throw refuse(`no valid ${what} at byte ${first}`, "a decimal number of up to six digits");
    }
    return Number(new TextDecoder().decode(bytes.subarray(first, at)));
  };
  const width = readNumber("width");
  const height = readNumber("height");
  checkImageSize(width, height, refuse);
  const maximum = readNumber("maximum");
  if (maximum < 1 || maximum > 0xffff) throw refuse(`a maximum of ${maximum}`, "1 to 65535");
  if (!isSpace(bytes[at])) throw refuse(`no white space at byte ${at}`, "samples behind one");
  return { channels: bytes[1] === 0x36 ? 3 : 1, width, height, maximum, start: at + 1 };
}

/**
 * Decodes a P5 or P6 image of 8 or 16 bits, samples scaled to 0..255 and rounded; grey becomes
 * three equal channels. Only the first image of a file is read. `source` names the file in
 * messages. Throws {@linkcode FormatError} for a bad header, a sample above the stated maximum, and
 * a file that is too short for its size.
 */
export function decodeNetpbm(bytes: Uint8Array, source: string): ByteImage {
  const refuse = refusal("PPM or PGM image", source);
  if (!isNetpbm(bytes)) throw refuse("another kind of file", "P5 or P6");
  const { channels, width, height, maximum, start } = readHeader(bytes, refuse);
  const area = width * height;
  const sampleBytes = maximum > 255 ? 2 : 1;
  const needed = area * channels * sampleBytes;
  if (bytes.length - start < needed) {
    throw refuse(`${bytes.length - start} bytes of samples`, `${needed} for ${width} x ${height}`);
  }
  const pixels = new Uint8Array(3 * area);
  for (let i = 0, at = start; i < area; i++) {
    for (let channel = 0; channel < channels; channel++, at += sampleBytes) {
      const sample = sampleBytes === 1 ? bytes[at]! : bytes[at]! * 256 + bytes[at + 1]!;
      if (sample > maximum) throw refuse(`a sample of ${sample}`, `at most ${maximum}`);
      pixels[channel * area + i] = maximum === 255 ? sample : Math.round(sample * 255 / maximum);
    }
  }
  if (channels === 1) {
    pixels.copyWithin(area, 0, area);
    pixels.copyWithin(2 * area, 0, area);
  }
  return { height, width, pixels };
}
