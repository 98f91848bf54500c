/** A cursor over the bytes of a pickle that never reads, or allocates, past their end. */

import type { Refuse } from "./refusal.ts";

const LATIN1 = new TextDecoder("latin1");

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Longest line of the text opcodes (names of globals, numbers in digits), bytes. */
const MAXIMUM_LINE_BYTES = 1024;

/** Every method throws what `refuse` makes where the file ends too early. */
export class PickleStream {
  /** Opcodes executed so far, in all pickles of the file, containers counted several times. */
  operations = 0;
  readonly #view: DataView;

  /** Starts at byte `position` of `bytes`; errors are made by `refuse`. */
  constructor(
    readonly bytes: Uint8Array,
    /** Byte that is read next. */
    public position: number,
    readonly refuse: Refuse,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves past `count` bytes that exist and returns where they start. */
  #advance(count: number): number {
    const start = this.position;
    if (count > this.bytes.length - start) {
      throw this.refuse(
        `${this.bytes.length - start} bytes after byte ${start}`,
        `at least ${count}: the file is truncated or damaged`,
      );
    }
    this.position = start + count;
    return start;
  }

  /** One byte. */
  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  /** Two bytes, little-endian. */
  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  /** Four bytes, little-endian, signed. */
  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  /** Four bytes, little-endian. */
  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  /** Eight bytes, little-endian: a length, which must be below 2^53. */
  uint64(): number {
    const value = this.#view.getBigUint64(this.#advance(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw this.refuse(`a length of ${value}`, "one that fits the file");
    }
    return Number(value);
  }

  /** Eight bytes, big-endian IEEE 754: the one number that pickles hold so. */
  float64(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  /** The next `count` bytes, not copied. */
  take(count: number): Uint8Array {
    const start = this.#advance(count);
    return this.bytes.subarray(start, start + count);
  }

  /**
   * The next `count` bytes as UTF-8; as bytes where they are none, as texts of Python 2 need not
   * be: such a text names no tensor.
   */
  text(count: number): string | Uint8Array {
    const bytes = this.take(count);
    try {
      return UTF8.decode(bytes);
    } catch (error) {
      if (error instanceof TypeError) return bytes;
      throw error;
    }
  }

  /** The text up to the next line feed, which is consumed; a byte is a character. */
  line(maximum = MAXIMUM_LINE_BYTES): string {
    const end = this.bytes.indexOf(10, this.position);
    if (end < 0 || end - this.position > maximum) {
      throw this.refuse(
        `no end of the line at byte ${this.position}`,
        `one within ${maximum} bytes`,
      );
    }
    const text = LATIN1.decode(this.take(end - this.position));
    this.position++;
    return text;
  }
}
