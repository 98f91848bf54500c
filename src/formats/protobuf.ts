/**
 * Protocol buffers as they lie in a file: a cursor that never reads past the end of the message it
 * stands in, with no knowledge of what the messages mean. Wire format:
 * https://protobuf.dev/programming-guides/encoding/.
 */

import type { Refuse } from "./refusal.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Most bytes of a varint: ten groups of seven bits hold 64 bits. */
const MAXIMUM_VARINT_BYTES = 10;

/** Most messages within each other; ONNX files nest six deep where no subgraphs are. */
const MAXIMUM_DEPTH = 16;

/** How a field's value is stored: varint, 8 bytes, a length and as many bytes, or 4 bytes. */
export type WireType = "varint" | "fixed64" | "bytes" | "fixed32";

const WIRE_TYPES: ReadonlyMap<number, WireType> = new Map([
  [0, "varint"],
  [1, "fixed64"],
  [2, "bytes"],
  [5, "fixed32"],
]);

/** Bytes from `start` up to but not including `end`, counted from the beginning of the file. */
export interface ByteRange {
  /** First byte. */
  readonly start: number;
  /** One beyond the last byte. */
  readonly end: number;
}

/** Walks over the fields of one message; every method throws what `refuse` makes at a fault. */
export class ProtobufCursor {
  /** Number of the field whose value is read next. */
  field = 0;
  /** How that value is stored. */
  wire: WireType = "varint";
  /** First byte of the field: of its key. */
  fieldStart = 0;
  readonly #view: DataView;

  /** A cursor over `bytes` from `position` to `end`; errors are made by `refuse`. */
  constructor(
    /** The whole file. */
    readonly bytes: Uint8Array<ArrayBuffer>,
    readonly refuse: Refuse,
    /** Byte that is read next. */
    public position = 0,
    /** End of the message. */
    readonly end: number = bytes.length,
    /** Messages around this one. */
    readonly depth: number = 0,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Reads the next field's number and type into the cursor; false at the end of the message. */
  next(): boolean {
    if (this.position >= this.end) return false;
    const start = this.position;
    const key = this.varint();
    const wire = WIRE_TYPES.get(Number(key & 7n));
    const field = key >> 3n;
    if (field < 1n || field >= 1n << 29n) {
      throw this.refuse(`field number ${field} at byte ${start}`, "1 to 2^29 - 1");
    }
    if (!wire) {
      throw this.refuse(`wire type ${key & 7n} at byte ${start}`, "0, 1, 2 or 5: no groups");
    }
    this.field = Number(field);
    this.wire = wire;
    this.fieldStart = start;
    return true;
  }

  #advance(count: number): number {
    const start = this.position;
    if (count > this.end - start) {
      throw this.refuse(
        `${this.end - start} bytes of a message after byte ${start}`,
        `at least ${count}: the file is truncated or damaged`,
      );
    }
    this.position = start + count;
    return start;
  }

  #expect(wire: WireType): void {
    if (this.wire !== wire) {
      throw this.refuse(
        `field ${this.field} stored as ${this.wire} at byte ${this.position}`,
        wire,
      );
    }
  }

  /** An unsigned integer of up to 64 bits; also the keys of fields. */
  varint(): bigint {
    const start = this.position;
    // The low 49 bits by ordinary numbers, which are exact below 2^53.
    let low = 0;
    let high = 0n;
    for (let i = 0; i < MAXIMUM_VARINT_BYTES; i++) {
      const byte = this.bytes[this.#advance(1)]!;
      if (i < 7) low += (byte & 0x7f) * 2 ** (7 * i);
      else high |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return BigInt.asUintN(64, BigInt(low) | high);
    }
    throw this.refuse(
      `a varint of more than ${MAXIMUM_VARINT_BYTES} bytes at byte ${start}`,
      "a shorter one",
    );
  }

  /** The field's value as a signed 64-bit integer. */
  int64(): bigint {
    this.#expect("varint");
    return BigInt.asIntN(64, this.varint());
  }

  /** The field's value as an integer that a number holds exactly. */
  integer(): number {
    const value = this.int64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) {
      throw this.refuse(`the number ${value} in field ${this.field}`, "one below 2^53");
    }
    return Number(value);
  }

  /** The field's value as a 32-bit IEEE 754 number. */
  float32(): number {
    this.#expect("fixed32");
    return this.#view.getFloat32(this.#advance(4), true);
  }

  /** Where the field's bytes lie, which are not copied. */
  range(): ByteRange {
    this.#expect("bytes");
    const length = this.varint();
    // Compared as bigint: a length of up to 2^64 must not be rounded first.
    if (length > BigInt(this.end - this.position)) {
      throw this.refuse(
        `field ${this.field} of ${length} bytes at byte ${this.position}`,
        `at most ${this.end - this.position}, the rest of its message`,
      );
    }
    const start = this.#advance(Number(length));
    return { start, end: this.position };
  }

  /** Where the field's value of 4 or 8 bytes lies. */
  fixed(): ByteRange {
    const start = this.#advance(this.wire === "fixed32" ? 4 : 8);
    return { start, end: this.position };
  }

  /** The field's bytes as UTF-8. */
  text(): string {
    const { start, end } = this.range();
    try {
      return UTF8.decode(this.bytes.subarray(start, end));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw this.refuse(`text at byte ${start} that is not UTF-8`, "UTF-8");
    }
  }

  /** A cursor over the field's message. */
  message(): ProtobufCursor {
    const { start, end } = this.range();
    if (this.depth >= MAXIMUM_DEPTH) {
      throw this.refuse(`messages nested deeper than ${MAXIMUM_DEPTH} at byte ${start}`, "fewer");
    }
    return new ProtobufCursor(this.bytes, this.refuse, start, end, this.depth + 1);
  }

  /**
   * The elements of a repeated integer field, packed into one run of bytes or given one by one, each
   * handed to `visit`.
   */
  integers(visit: (value: bigint) => void): void {
    if (this.wire === "varint") return visit(this.int64());
    const { start, end } = this.range();
    const packed = new ProtobufCursor(this.bytes, this.refuse, start, end, this.depth);
    while (packed.position < end) visit(BigInt.asIntN(64, packed.varint()));
  }

  /** Moves past the field's value. */
  skip(): void {
    if (this.wire === "varint") this.varint();
    else if (this.wire === "bytes") this.range();
    else this.fixed();
  }
}
