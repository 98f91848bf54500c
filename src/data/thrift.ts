/**
 * Walks structs of Thrift's compact protocol without keeping them
 * (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md), so that nothing
 * in a Parquet file is believed about counts before its bytes were seen.
 */

/** Numbers of a struct's fields, with those of the structs in it. */
export interface ThriftFields {
  readonly numbers: ReadonlyMap<number, number>;
  readonly structs: ReadonlyMap<number, ThriftFields>;
  /** Where the struct ends. */
  readonly end: number;
}

const MAXIMUM_DEPTH = 32;

/**
 * The fields of the struct at byte `at`; undefined where the bytes are no sound struct: where they end
 * before it, where a list claims more elements than there are bytes, and beyond 32 structs deep.
 */
export function readThrift(bytes: Uint8Array, at: number, depth = 0): ThriftFields | undefined {
  if (depth > MAXIMUM_DEPTH) return undefined;
  const numbers = new Map<number, number>();
  const structs = new Map<number, ThriftFields>();
  let field = 0;
  while (at < bytes.length) {
    const head = bytes[at++]!;
    if (head === 0) return { numbers, structs, end: at };
    const [delta, type] = [head >> 4, head & 15];
    if (delta === 0) {
      const number = readVarint(bytes, at);
      if (number === undefined) return undefined;
      [field, at] = [zigzag(number.value), number.end];
    } else field += delta;
    if (type === STRUCT) {
      const inner = readThrift(bytes, at, depth + 1);
      if (inner === undefined) return undefined;
      structs.set(field, inner);
      at = inner.end;
    } else if (type === I16 || type === I32 || type === I64) {
      const number = readVarint(bytes, at);
      if (number === undefined) return undefined;
      numbers.set(field, zigzag(number.value));
      at = number.end;
    } else if (type === TRUE || type === FALSE) numbers.set(field, type === TRUE ? 1 : 0);
    else {
      const end = skip(bytes, at, type, depth);
      if (end === undefined) return undefined;
      at = end;
    }
  }
  return undefined;
}

const [TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, , STRUCT] = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
] as const;

/** Where a value ends. */
function skip(bytes: Uint8Array, at: number, type: number, depth: number): number | undefined {
  if (type === STRUCT) return readThrift(bytes, at, depth + 1)?.end;
  if (type === BYTE || type === TRUE || type === FALSE) return at + 1;
  if (type === DOUBLE) return at + 8;
  if (type === I16 || type === I32 || type === I64) return readVarint(bytes, at)?.end;
  if (type === BINARY) {
    const length = readVarint(bytes, at);
    if (length === undefined || length.value > bytes.length - length.end) return undefined;
    return length.end + length.value;
  }
  if (type !== LIST && type !== SET) return undefined;
  const head = bytes[at++];
  if (head === undefined) return undefined;
  let count = head >> 4;
  if (count === 15) {
    const long = readVarint(bytes, at);
    if (long === undefined) return undefined;
    [count, at] = [long.value, long.end];
  }
  if (count > bytes.length - at) return undefined;
  let end: number | undefined = at;
  for (let i = 0; i < count && end !== undefined; i++) end = skip(bytes, end, head & 15, depth + 1);
  return end;
}

/** As a number: beyond 2^53 it is off, and refused by whoever reads it. */
function readVarint(bytes: Uint8Array, at: number): { value: number; end: number } | undefined {
  let [value, scale] = [0, 1];
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at++];
    if (byte === undefined) return undefined;
    value += (byte & 127) * scale;
    if (byte < 128) return { value, end: at };
    scale *= 128;
  }
  return undefined;
}

const zigzag = (value: number) => value % 2 === 0 ? value / 2 : -(value + 1) / 2;
