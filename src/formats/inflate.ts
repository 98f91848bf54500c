/** Decompression that never writes more than the caller expects. */

import { Inflate, inflateSync, Unzlib, unzlibSync } from "npm:fflate@0.8.3";
import { FormatError } from "../errors.ts";
import type { Refuse } from "./refusal.ts";

/** Bytes a deflate stream can grow by: 258 bytes out of two bits in (RFC 1951, section 3.2.5). */
const MAXIMUM_RATIO = 1032;

/** Bytes that a piece of the stream may become, about; bounds what is decompressed beyond the size. */
const PIECE_BYTES = 1 << 21;

/** Fewest and most compressed bytes handed over at a time: each piece costs a copy of 32 KiB. */
const [SMALLEST_PUSH, LARGEST_PUSH] = [1 << 11, 1 << 14];

/**
 * Decompresses `bytes` (a raw deflate or a zlib stream) to exactly `size` bytes. Nothing is
 * allocated where so few bytes cannot hold that many, and work stops as soon as there are more.
 * What follows the end of the stream is not looked at. Throws what `refuse` makes for a damaged
 * stream or any other size.
 */
export function inflateExactly(
  bytes: Uint8Array,
  size: number,
  container: "deflate" | "zlib",
  refuse: Refuse,
): Uint8Array<ArrayBuffer> {
  if (size > bytes.length * MAXIMUM_RATIO) {
    throw refuse(`${bytes.length} compressed bytes`, `enough to hold ${size} bytes`);
  }
  if (bytes.length <= LARGEST_PUSH) return inflateSmall(bytes, size, container, refuse);
  const output = new Uint8Array(size);
  let length = 0;
  const collect = (chunk: Uint8Array) => {
    if (chunk.length > size - length) {
      throw refuse(`compressed data of more than ${size} bytes`, `exactly ${size}`);
    }
    output.set(chunk, length);
    length += chunk.length;
  };
  const stream = container === "zlib" ? new Unzlib(collect) : new Inflate(collect);
  try {
    // The stream ends with its last byte of output, or within the piece behind it: the library
    // would take up all that follows anew with every piece.
    const wanted = bytes.length * PIECE_BYTES / Math.max(size, 1);
    const push = Math.floor(Math.min(Math.max(wanted, SMALLEST_PUSH), LARGEST_PUSH));
    let last = false;
    for (let start = 0; !last; start += push) {
      const end = start + push;
      last = length === size || end >= bytes.length;
      stream.push(bytes.subarray(start, end), last);
    }
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw refuse("damaged compressed data", "a complete deflate stream");
  }
  if (length !== size) throw refuse(`${length} bytes of decompressed data`, `exactly ${size}`);
  return output;
}

/** In one go, since a stream takes a window of its own, 30 times an icon. */
function inflateSmall(
  bytes: Uint8Array,
  size: number,
  container: "deflate" | "zlib",
  refuse: Refuse,
): Uint8Array<ArrayBuffer> {
  // What goes beyond the given array is dropped by the library: one more byte tells of it.
  const out = new Uint8Array(size + 1);
  let output: Uint8Array;
  try {
    output = container === "zlib" ? unzlibSync(bytes, { out }) : inflateSync(bytes, { out });
  } catch {
    throw refuse("damaged compressed data", "a complete deflate stream");
  }
  if (output.length > size) {
    throw refuse(`compressed data of more than ${size} bytes`, `exactly ${size}`);
  }
  if (output.length < size) {
    throw refuse(`${output.length} bytes of decompressed data`, `exactly ${size}`);
  }
  return out.subarray(0, size);
}
