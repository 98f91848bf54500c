/**
 * Reads one column of a Parquet file (https://parquet.apache.org/docs/file-format) as data sets of
 * pictures have it: values that do not repeat, plain or by dictionary, packed by Snappy or gzip.
 * Written here since no count in a foreign file may be believed: libraries allocate what it states.
 */

import { gunzipSync } from "npm:fflate@0.8.3";
import { type ColumnMetaData, snappyUncompress } from "npm:hyparquet@1.31.5";
import type { Refuse } from "../formats/refusal.ts";
import { readThrift, type ThriftFields } from "./thrift.ts";

/** A value of a column; null where there is none. */
export type ParquetValue = Uint8Array | number | null;

const [DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2] = [0, 2, 3];
const [PLAIN, PLAIN_DICTIONARY, RLE_DICTIONARY] = [0, 2, 8];

const CODECS: readonly string[] = ["UNCOMPRESSED", "SNAPPY", "GZIP"];

/** Bytes that pages may still unpack to, shared by the columns of a file. */
export interface Budget {
  left: number;
}

/**
 * The values of a column chunk. `optional` says how many of the groups and values on the column's
 * path may be missing. Throws what `refuse` makes for other encodings, damage, and pages that unpack
 * to more than the budget or hold more values than the chunk.
 */
export function readParquetColumn(
  file: Uint8Array,
  chunk: ColumnMetaData,
  optional: number,
  budget: Budget,
  refuse: Refuse,
): ParquetValue[] {
  const count = Number(chunk.num_values);
  const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
  const end = start + Number(chunk.total_compressed_size);
  const damaged = (what: string) => refuse(`${what} in a column of pages`, "sound pages");
  if (!(start >= 0 && end <= file.length)) throw damaged(`bytes ${start} to ${end}`);
  if (!CODECS.includes(chunk.codec)) {
    throw refuse(`a column packed by ${chunk.codec}`, CODECS.join(", "));
  }
  const values: ParquetValue[] = [];
  let dictionary: ParquetValue[] = [];
  for (let at = start; at < end && values.length < count;) {
    const header = readThrift(file.subarray(0, end), at);
    const packed = header?.numbers.get(3) ?? -1;
    const size = header?.numbers.get(2) ?? -1;
    if (header === undefined || packed < 0 || size < 0 || header.end + packed > end) {
      throw damaged("a damaged page header");
    }
    budget.left -= size;
    if (budget.left < 0) throw refuse(`pages that unpack to ${size} bytes and more`, "fewer");
    const body = file.subarray(header.end, header.end + packed);
    at = header.end + packed;
    const page = { header, body, size, codec: chunk.codec, damaged };
    if (header.numbers.get(1) === DICTIONARY_PAGE) {
      const bytes = unpack(page, body, size);
      const entries = header.structs.get(7)?.numbers.get(1) ?? -1;
      dictionary = readPlain(bytes, 0, entries, chunk.type, damaged);
      continue;
    }
    const { levels, data, encoding } = readLevels(page, optional);
    if (levels.length > count - values.length) throw damaged("too many values");
    const defined = levels.reduce((sum, level) => sum + (level === optional ? 1 : 0), 0);
    const found = encoding === PLAIN
      ? readPlain(data, 0, defined, chunk.type, damaged)
      : readIndices(data, defined, damaged).map((index) => dictionary[index] ?? null);
    let next = 0;
    for (const level of levels) values.push(level === optional ? found[next++] ?? null : null);
  }
  if (values.length !== count) throw damaged(`${values.length} of ${count} values`);
  return values;
}

type Damaged = (what: string) => Error;

interface Page {
  readonly header: ThriftFields;
  readonly body: Uint8Array;
  readonly size: number;
  readonly codec: string;
  readonly damaged: Damaged;
}

/** The definition level of each value of a data page, and its values' bytes. */
function readLevels(page: Page, optional: number) {
  const { header, body, size, damaged } = page;
  const type = header.numbers.get(1);
  const isV2 = type === DATA_PAGE_V2;
  const fields = header.structs.get(isV2 ? 8 : 5);
  const count = fields?.numbers.get(1) ?? -1;
  const encoding = fields?.numbers.get(isV2 ? 4 : 2) ?? -1;
  if (!isV2 && type !== DATA_PAGE || fields === undefined) throw damaged("a page of another kind");
  if (![PLAIN, PLAIN_DICTIONARY, RLE_DICTIONARY].includes(encoding)) {
    throw damaged(`encoding ${encoding}, which is not read,`);
  }
  // A run of levels takes two bytes, however long it is, so that the count is held to the chunk's.
  const width = 32 - Math.clz32(optional);
  if (isV2) {
    const [definitions, repetitions] = [fields.numbers.get(5) ?? 0, fields.numbers.get(6) ?? 0];
    const before = definitions + repetitions;
    if (repetitions !== 0 || definitions < 0 || before > body.length || size < before) {
      throw damaged("levels of another length");
    }
    const data = body.subarray(before);
    const isPacked = fields.numbers.get(7) !== 0;
    return {
      levels: readRuns(body.subarray(0, before), count, width, damaged),
      data: isPacked ? unpack(page, data, size - before) : data,
      encoding,
    };
  }
  const bytes = unpack(page, body, size);
  if (optional === 0) return { levels: readRuns(bytes, count, 0, damaged), data: bytes, encoding };
  if (bytes.length < 4) throw damaged("a short page");
  const end = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (end > bytes.length) throw damaged("levels beyond their page");
  const levels = readRuns(bytes.subarray(4, end), count, width, damaged);
  return { levels, data: bytes.subarray(end), encoding };
}

function unpack({ codec, damaged }: Page, packed: Uint8Array, size: number): Uint8Array {
  if (codec === "UNCOMPRESSED") return packed;
  // What goes beyond the array is dropped: one more byte tells of it.
  const bytes = new Uint8Array(codec === "GZIP" ? size + 1 : size);
  try {
    if (codec === "GZIP") {
      if (gunzipSync(packed, { out: bytes }).length === size) return bytes.subarray(0, size);
    } else {
      snappyUncompress(packed, bytes);
      return bytes;
    }
  } catch {
    throw damaged("damaged packing");
  }
  throw damaged("packing of another size");
}

/** Most values of a page, so that a run of two bytes does not fill the memory. */
const MAXIMUM_PAGE_VALUES = 1 << 22;

/** Runs of equal values, and values packed bit by bit; with a width of 0 all are 0. */
function readRuns(bytes: Uint8Array, count: number, width: number, damaged: Damaged): Uint32Array {
  if (!(count >= 0 && count <= MAXIMUM_PAGE_VALUES) || width > 32) {
    throw damaged(`a page of ${count} values`);
  }
  const values = new Uint32Array(count);
  if (width === 0) return values;
  let [at, place] = [0, 0];
  while (place < count) {
    let [head, scale] = [0, 1];
    for (let more = true; more;) {
      const byte = bytes[at++];
      if (byte === undefined || scale > 2 ** 28) throw damaged("runs that are cut off");
      head += (byte & 127) * scale;
      scale *= 128;
      more = byte >= 128;
    }
    const length = Math.min(count - place, head % 2 === 0 ? head / 2 : (head - 1) * 4);
    if (length === 0) throw damaged("an empty run");
    if (head % 2 === 0) {
      let value = 0;
      for (let i = 0; i < Math.ceil(width / 8); i++) value += (bytes[at++] ?? 0) * 2 ** (8 * i);
      values.fill(value, place, place + length);
    } else {
      const size = (head - 1) / 2 * width;
      if (at + Math.ceil(length * width / 8) > bytes.length) throw damaged("cut off bits");
      for (let i = 0; i < length; i++) {
        let value = 0;
        for (let bit = 0; bit < width; bit++) {
          const position = i * width + bit;
          value += (bytes[at + (position >> 3)]! >> (position & 7) & 1) * 2 ** bit;
        }
        values[place + i] = value;
      }
      at += size;
    }
    place += length;
  }
  return values;
}

function readIndices(data: Uint8Array, count: number, damaged: Damaged): number[] {
  if (count === 0) return [];
  return Array.from(readRuns(data.subarray(1), count, data[0] ?? 0, damaged));
}

function readPlain(
  bytes: Uint8Array,
  at: number,
  count: number,
  type: string,
  damaged: Damaged,
): ParquetValue[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = type === "INT64" ? 8 : 4;
  if (!["INT64", "INT32", "BYTE_ARRAY"].includes(type)) throw damaged(`values of type ${type}`);
  if (!(count >= 0 && count * width <= bytes.length - at)) throw damaged("too few bytes of values");
  const values: ParquetValue[] = [];
  for (let i = 0; i < count; i++) {
    if (type === "INT64") values.push(Number(view.getBigInt64(at, true)));
    else if (type === "INT32") values.push(view.getInt32(at, true));
    else {
      const length = at + 4 <= bytes.length ? view.getUint32(at, true) : Infinity;
      if (at + 4 + length > bytes.length) throw damaged("a value that is cut off");
      values.push(bytes.subarray(at + 4, at + 4 + length));
      at += length;
    }
    at += width;
  }
  return values;
}
