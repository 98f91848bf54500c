/**
 * The pickle opcodes that push one value read from the stream: numbers, strings, bytes and empty
 * containers, of protocols 0 to 5 (CPython's `Lib/pickletools.py`).
 */

import { quoted } from "../text/quoted.ts";
import type { PickleStream } from "./pickle_stream.ts";
import type { PickleValue } from "./pickle_value.ts";

/** Longest integer in binary, bytes: far above the 10 of PyTorch's magic number. */
const MAXIMUM_INTEGER_BYTES = 255;

/** An integer as a number where that is exact, else as a bigint. */
function integer(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Little-endian two's complement of `count` bytes. */
function readLong(stream: PickleStream, count: number): number | bigint {
  if (count < 0 || count > MAXIMUM_INTEGER_BYTES) {
    throw stream.refuse(`an integer of ${count} bytes`, `at most ${MAXIMUM_INTEGER_BYTES}`);
  }
  const digits = stream.take(count).toReversed().toHex();
  return integer(BigInt.asIntN(8 * count, BigInt(`0x${digits || "0"}`)));
}

/** The text opcodes INT and LONG: decimal digits, `00` and `01` being booleans for INT. */
function readDecimal(stream: PickleStream): number | bigint {
  const line = stream.line();
  if (!/^[+-]?[0-9]+L?$/.test(line)) {
    throw stream.refuse(`the integer ${quoted(line)}`, "decimal digits");
  }
  return integer(BigInt(line.replace(/^\+/, "").replace(/L$/, "")));
}

function readInt(stream: PickleStream): PickleValue {
  const start = stream.position;
  const line = stream.line();
  if (line === "00") return false;
  if (line === "01") return true;
  stream.position = start;
  return readDecimal(stream);
}

function readFloat(stream: PickleStream): number {
  const line = stream.line();
  const special = /^[+-]?(inf|nan)$/.exec(line);
  if (special) return special[1] === "nan" ? NaN : line.startsWith("-") ? -Infinity : Infinity;
  if (!/^[+-]?[0-9.]+(e[+-]?[0-9]+)?$/i.test(line) || Number.isNaN(Number(line))) {
    throw stream.refuse(`the float ${quoted(line)}`, "a decimal number");
  }
  return Number(line);
}

/** The text opcode STRING; escapes do not occur in names and are left as they are. */
function readQuotedText(stream: PickleStream): string {
  const line = stream.line(Infinity);
  const quote = line.at(0);
  if (line.length < 2 || (quote !== "'" && quote !== '"') || line.at(-1) !== quote) {
    throw stream.refuse(`the string ${quoted(line)}`, "one in quotes");
  }
  return line.slice(1, -1);
}

/** A length that protocol 0 to 2 stores as a signed number. */
function readSignedLength(stream: PickleStream): number {
  const length = stream.int32();
  if (length < 0) throw stream.refuse(`a string of ${length} bytes`, "a natural number");
  return length;
}

/** Opcode -> the value it pushes. */
export const LITERALS: ReadonlyMap<number, (stream: PickleStream) => PickleValue> = new Map<
  number,
  (stream: PickleStream) => PickleValue
>([
  [0x4e, () => null], // NONE
  [0x88, () => true], // NEWTRUE
  [0x89, () => false], // NEWFALSE
  [0x49, readInt], // INT
  [0x4c, readDecimal], // LONG
  [0x46, readFloat], // FLOAT
  [0x4a, (stream) => stream.int32()], // BININT
  [0x4b, (stream) => stream.uint8()], // BININT1
  [0x4d, (stream) => stream.uint16()], // BININT2
  [0x8a, (stream) => readLong(stream, stream.uint8())], // LONG1
  [0x8b, (stream) => readLong(stream, stream.int32())], // LONG4
  [0x47, (stream) => stream.float64()], // BINFLOAT
  [0x53, readQuotedText], // STRING
  [0x56, (stream) => stream.line(Infinity)], // UNICODE
  [0x54, (stream) => stream.text(readSignedLength(stream))], // BINSTRING
  [0x55, (stream) => stream.text(stream.uint8())], // SHORT_BINSTRING
  [0x58, (stream) => stream.text(stream.uint32())], // BINUNICODE
  [0x8c, (stream) => stream.text(stream.uint8())], // SHORT_BINUNICODE
  [0x8d, (stream) => stream.text(stream.uint64())], // BINUNICODE8
  [0x42, (stream) => stream.take(stream.uint32())], // BINBYTES
  [0x43, (stream) => stream.take(stream.uint8())], // SHORT_BINBYTES
  [0x8e, (stream) => stream.take(stream.uint64())], // BINBYTES8
  [0x96, (stream) => stream.take(stream.uint64())], // BYTEARRAY8
  [0x5d, () => []], // EMPTY_LIST
  [0x7d, () => new Map()], // EMPTY_DICT
  [0x8f, () => new Set()], // EMPTY_SET
  [0x29, () => ({ kind: "tuple", items: [] })], // EMPTY_TUPLE
]);
