/**
 * The safetensors format: a 64-bit header length, a JSON header and the tensors, little-endian and
 * without gaps. Checks and layout are those of the reference implementation
 * (huggingface/safetensors, `safetensors/src/tensor.rs`).
 */

import { FormatError } from "../errors.ts";
import { quoted, shown } from "../text/quoted.ts";
import { checkShape, decodeElements, ELEMENT_BYTES, encodeElements } from "./elements.ts";
import type { HostDtype, HostTensor, StateDict } from "./host_tensor.ts";
import { type JsonBounds, parseJson } from "./json.ts";
import { refusal, type Refuse } from "./refusal.ts";

/** Tensors with the free text that a file carries. */
export interface Safetensors {
  /** In the order in which they lie in the file. */
  readonly tensors: StateDict;
  /** The entries of `__metadata__`, in file order. */
  readonly metadata: Map<string, string>;
}

/** Longest header, 16 MiB: the largest published models have a hundredth of that. */
const MAXIMUM_HEADER_BYTES = 2 ** 24;

/** What a header may hold: some 70,000 tensors, each an object with two arrays. */
const HEADER_BOUNDS: JsonBounds = { depth: 3, values: 1_000_000 };

const LENGTH_BYTES = 8;

const METADATA_KEY = "__metadata__";

/** Names in files; the order, by alignment, is that in which tensors are written, last first. */
const DTYPES: ReadonlyMap<string, HostDtype> = new Map<string, HostDtype>([
  ["BOOL", "bool"],
  ["U8", "uint8"],
  ["I8", "int8"],
  ["I16", "int16"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
  ["I32", "int32"],
  ["F32", "float32"],
  ["F64", "float64"],
  ["I64", "int64"],
]);

interface TensorInfo {
  readonly name: string;
  readonly dtype: HostDtype;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/** True of bytes that start like a safetensors file: a length below 4 GiB and an opening brace. */
export function isSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length <= LENGTH_BYTES || bytes[LENGTH_BYTES] !== 0x7b) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(4, true) === 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseHeader(bytes: Uint8Array, source: string, refuse: Refuse): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refuse("a header that is not JSON", "JSON in UTF-8");
  }
  const attempt = `cannot read the header of safetensors file ${shown(source)}`;
  const header = parseJson(text, attempt, HEADER_BOUNDS);
  if (!isObject(header)) throw refuse("a header that is not an object", "one entry a tensor");
  return header;
}

function parseTensorInfo(name: string, value: unknown, refuse: Refuse): TensorInfo {
  const { dtype: dtypeName, shape, data_offsets: offsets } = isObject(value) ? value : {};
  if (typeof dtypeName !== "string" || !Array.isArray(shape) || !Array.isArray(offsets)) {
    throw refuse(`a bad entry for tensor ${quoted(name)}`, "dtype, shape and data_offsets");
  }
  const dtype = DTYPES.get(dtypeName);
  if (!dtype) {
    throw refuse(
      `tensor ${quoted(name)} of type ${quoted(dtypeName)}`,
      `one of ${[...DTYPES.keys()].join(", ")}`,
    );
  }
  const bytes = checkShape(shape, refuse) * ELEMENT_BYTES[dtype];
  const [start, end]: unknown[] = offsets;
  if (
    offsets.length !== 2 || typeof start !== "number" || typeof end !== "number" ||
    !Number.isSafeInteger(start) || !Number.isSafeInteger(end)
  ) {
    throw refuse(`bad data_offsets of tensor ${quoted(name)}`, "two natural numbers");
  }
  if (end - start !== bytes) {
    throw refuse(
      `tensor ${quoted(name)} of shape [${shape.join(", ")}] from byte ${start} to ${end}`,
      `${bytes} bytes`,
    );
  }
  return { name, dtype, shape, start, end };
}

function parseMetadata(value: unknown, refuse: Refuse): Map<string, string> {
  const found = value ?? {};
  if (!isObject(found)) throw refuse("metadata that is not an object", "text by name");
  const entries = Object.entries(found);
  return new Map(entries.map(([key, text]: [string, unknown]): [string, string] => {
    if (typeof text !== "string") throw refuse(`metadata ${quoted(key)} that is not text`, "text");
    return [key, text];
  }));
}

/**
 * Reads a safetensors file. `source` names it in messages. Throws {@linkcode FormatError} where the
 * header is not what it must be, a type is unknown, or the tensors do not cover the rest of the file
 * exactly, without holes or overlaps.
 */
export function readSafetensors(bytes: Uint8Array, source: string): Safetensors {
  const refuse = refusal("safetensors file", source);
  if (bytes.length < LENGTH_BYTES) {
    throw refuse(`${bytes.length} bytes`, `at least ${LENGTH_BYTES}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getBigUint64(0, true);
  const available = Math.min(MAXIMUM_HEADER_BYTES, bytes.length - LENGTH_BYTES);
  if (headerBytes > BigInt(available)) {
    throw refuse(`a header of ${headerBytes} bytes`, `at most ${available}`);
  }
  const dataStart = LENGTH_BYTES + Number(headerBytes);
  if (bytes[LENGTH_BYTES] !== 0x7b) throw refuse("a header without an opening brace", "JSON");
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, dataStart), source, refuse);
  const metadata = parseMetadata(header[METADATA_KEY], refuse);
  const infos = Object.entries(header)
    .filter(([name]) => name !== METADATA_KEY)
    .map(([name, value]) => parseTensorInfo(name, value, refuse))
    .sort((a, b) => a.start - b.start || a.end - b.end);

  const data = bytes.subarray(dataStart);
  let position = 0;
  for (const { name, start, end } of infos) {
    if (start !== position || end > data.length) {
      throw refuse(
        `tensor ${quoted(name)} from byte ${start} to ${end} of ${data.length}`,
        `a start at ${position} and an end inside the file`,
      );
    }
    position = end;
  }
  if (position !== data.length) {
    throw refuse(`${data.length} bytes of data`, `${position}, the end of the last tensor`);
  }
  const tensors: StateDict = new Map();
  for (const { name, dtype, shape, start, end } of infos) {
    tensors.set(name, { dtype, shape, data: decodeElements(data.subarray(start, end), dtype) });
  }
  return { tensors, metadata };
}

/** By code point, as Rust sorts strings; the default order differs beyond U+FFFF. */
function compareText(a: string, b: string): number {
  const [left, right] = [new TextEncoder().encode(a), new TextEncoder().encode(b)];
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) if (left[i] !== right[i]) return left[i]! - right[i]!;
  return left.length - right.length;
}

/**
 * A safetensors file, tensors sorted as the reference implementation does, by falling alignment and
 * then by name. The reference leaves the order of metadata open; here it is sorted, so that equal
 * contents give equal bytes. Throws {@linkcode FormatError} for a tensor named `__metadata__` and
 * for headers above 16 MiB.
 */
export function writeSafetensors(
  tensors: StateDict,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array<ArrayBuffer> {
  if (tensors.has(METADATA_KEY)) {
    throw new FormatError(
      `cannot write a safetensors file: found a tensor named ${METADATA_KEY}, expected another name`,
    );
  }
  const order = [...DTYPES.values()];
  const names = [...DTYPES.keys()];
  const sorted = [...tensors].sort(([aName, a], [bName, b]) =>
    order.indexOf(b.dtype) - order.indexOf(a.dtype) || compareText(aName, bName)
  );
  // Assembled as text: an object would move names that look like numbers to its front.
  const parts: string[] = [];
  if (metadata.size > 0) {
    const entries = [...metadata].sort(([a], [b]) => compareText(a, b))
      .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    parts.push(`"${METADATA_KEY}":{${entries.join(",")}}`);
  }
  let offset = 0;
  const encoded = sorted.map(([name, tensor]: [string, HostTensor]) => {
    const bytes = encodeElements(tensor);
    const info = {
      dtype: names[order.indexOf(tensor.dtype)],
      shape: tensor.shape,
      data_offsets: [offset, offset + bytes.length],
    };
    parts.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`);
    offset += bytes.length;
    return bytes;
  });
  const json = new TextEncoder().encode(`{${parts.join(",")}}`);
  const headerBytes = Math.ceil(json.length / LENGTH_BYTES) * LENGTH_BYTES;
  if (headerBytes > MAXIMUM_HEADER_BYTES) {
    throw new FormatError(
      `cannot write a safetensors file: found a header of ${headerBytes} bytes, ` +
        `expected at most ${MAXIMUM_HEADER_BYTES}`,
    );
  }
  const dataStart = LENGTH_BYTES + headerBytes;
  const file = new Uint8Array(dataStart + offset).fill(0x20, LENGTH_BYTES, dataStart);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(json, LENGTH_BYTES);
  let at = dataStart;
  for (const bytes of encoded) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}
