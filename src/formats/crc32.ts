/** CRC-32 as PNG, ZIP and gzip use it (ISO 3309), sixteen bytes at a step ("slicing by 16"). */

const POLYNOMIAL = 0xedb88320;

const STEP_BYTES = 16;

/** What a byte does to the remainder with 0, 1, ... 15 bytes behind it, 256 entries each. */
const TABLE = new Int32Array(256 * STEP_BYTES);
for (let i = 0; i < TABLE.length; i++) {
  let remainder = i < 256 ? i : TABLE[i - 256]!;
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL : 0);
  }
  TABLE[i] = remainder;
}

/** What four bytes do with as many bytes behind them as `base` / 256 says. */
function slice(word: number, base: number): number {
  return TABLE[base + 768 + (word & 0xff)]! ^ TABLE[base + 512 + (word >>> 8 & 0xff)]! ^
    TABLE[base + 256 + (word >>> 16 & 0xff)]! ^ TABLE[base + (word >>> 24)]!;
}

/** The CRC-32 of `bytes`, a natural number below 2^32. */
export function crc32(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = -1;
  let at = 0;
  for (; at + STEP_BYTES <= bytes.length; at += STEP_BYTES) {
    crc = slice(crc ^ view.getInt32(at, true), 3072) ^ slice(view.getInt32(at + 4, true), 2048) ^
      slice(view.getInt32(at + 8, true), 1024) ^ slice(view.getInt32(at + 12, true), 0);
  }
  for (; at < bytes.length; at++) crc = crc >>> 8 ^ TABLE[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}
