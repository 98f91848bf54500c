/** Assembles pickles and both of PyTorch's containers by hand, for files that PyTorch never writes. */

import { writeStoredZip } from "../../src/formats/zip_write.ts";

type Part = number | string | Uint8Array | readonly Part[];

/** Bytes of numbers (one byte each), strings (UTF-8) and nested lists of them. */
export function assemble(...parts: Part[]): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  const add = (part: Part): void => {
    if (typeof part === "number") bytes.push(part);
    else if (typeof part === "string") add(new TextEncoder().encode(part));
    else if (part instanceof Uint8Array) { for (const byte of part) bytes.push(byte); }
    else part.forEach(add);
  };
  parts.forEach(add);
  return Uint8Array.from(bytes);
}

/** Little-endian bytes of a natural number. */
export function littleEndian(value: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256);
}

/** SHORT_BINUNICODE. */
export const text = (value: string): Part => [0x8c, new TextEncoder().encode(value).length, value];

/** GLOBAL. */
export const global = (module: string, name: string): Part => `c${module}\n${name}\n`;

/** BININT2 of 0..65535. */
export const integer = (value: number): Part => [0x4d, littleEndian(value, 2)];

/** MARK, items, TUPLE. */
export const tuple = (...items: Part[]): Part => ["(", items, "t"];

/** A dictionary of keys and values. */
export const dictionary = (...items: Part[]): Part => ["}(", items, "u"];

/** BINPERSID of a storage. */
export const storage = (type: string, key: string, elements: number, ...view: Part[]): Part => [
  tuple(text("storage"), global("torch", type), text(key), text("cpu"), integer(elements), view),
  "Q",
];

/** `_rebuild_tensor_v2` of a view into a storage. */
export const view = (
  over: Part,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
): Part => [
  global("torch._utils", "_rebuild_tensor_v2"),
  tuple(over, integer(offset), tuple(shape.map(integer)), tuple(strides.map(integer)), 0x89, "N"),
  "R",
];

/** A whole pickle of protocol 2. */
export const pickle = (...parts: Part[]): Uint8Array<ArrayBuffer> => assemble(0x80, 2, parts, ".");

/** A ZIP-format file around a pickle. */
export function zipFile(
  pickled: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
  extra: Readonly<Record<string, Uint8Array>> = {},
): Uint8Array<ArrayBuffer> {
  const files = [{ name: "any/data.pkl", bytes: pickled }];
  for (const [key, bytes] of Object.entries(storages)) {
    files.push({ name: `any/data/${key}`, bytes });
  }
  for (const [name, bytes] of Object.entries(extra)) files.push({ name: `any/${name}`, bytes });
  return writeStoredZip(files, 64);
}

/** A legacy file around a pickle; `storages` as [key, elements, bytes]. */
export function legacyFile(
  pickled: Uint8Array,
  storages: readonly (readonly [string, number, Uint8Array])[] = [],
): Uint8Array<ArrayBuffer> {
  const magic = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
  return assemble(
    pickle(0x8a, 10, magic),
    pickle(integer(1001)),
    pickle(dictionary(text("little_endian"), 0x88)),
    pickled,
    pickle("](", storages.map(([key]) => text(key)), "e"),
    storages.map(([, elements, bytes]) => [littleEndian(elements, 8), bytes]),
  );
}

/** The bytes of float32 values. */
export function float32Bytes(...values: number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}
