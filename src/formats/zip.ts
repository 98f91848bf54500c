/**
 * The part of the ZIP format that PyTorch and NumPy write, read by the central directory
 * (PKWARE APPNOTE.TXT, sections 4.3 and 4.4). Archives of 4 GiB and more (ZIP64 sizes), encryption
 * and several disks are refused. Reads only; {@link ./zip_write.ts} writes.
 */

import { quoted } from "../text/quoted.ts";
import { crc32 } from "./crc32.ts";
import { inflateExactly } from "./inflate.ts";
import type { Refuse } from "./refusal.ts";

/** One file of an archive, not decompressed. */
export interface ZipEntry {
  /** Path inside the archive: relative, with `/`, without `..`. */
  readonly name: string;
  /** How `packed` is held. */
  readonly method: "stored" | "deflated";
  /** The bytes as they lie in the archive. */
  readonly packed: Uint8Array;
  /** Bytes after decompression, as the directory states. */
  readonly size: number;
  /** CRC-32 of the decompressed bytes, as the directory states. */
  readonly crc: number;
}

const END_BYTES = 22;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;
/** As paths of operating systems; maps compare names above 16,383 characters with all others. */
const MAXIMUM_NAME_BYTES = 4096;
const MAXIMUM_COMMENT_BYTES = 0xffff;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

interface Directory {
  readonly entries: number;
  readonly start: number;
  readonly end: number;
}

/** Finds the end record: its comment must reach exactly to the end of the file. */
function readEnd(view: DataView, refuse: Refuse): Directory {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - MAXIMUM_COMMENT_BYTES); at--) {
    if (view.getUint32(at, true) !== 0x06054b50) continue;
    if (at + END_BYTES + view.getUint16(at + 20, true) !== view.byteLength) continue;
    if (view.getUint32(at + 4, true) !== 0) throw refuse("a ZIP of several disks", "one file");
    const entries = view.getUint16(at + 10, true);
    const bytes = view.getUint32(at + 12, true);
    const start = view.getUint32(at + 16, true);
    if (entries !== view.getUint16(at + 8, true) || start + bytes > at) {
      throw refuse(
        `a ZIP directory of ${entries} entries at byte ${start}, ${bytes} bytes long`,
        `one that ends before byte ${at}`,
      );
    }
    return { entries, start, end: start + bytes };
  }
  throw refuse("no ZIP directory at the end of the file", "a complete ZIP file");
}

function decodeName(bytes: Uint8Array, refuse: Refuse): string {
  if (bytes.length > MAXIMUM_NAME_BYTES) {
    throw refuse(`a ZIP entry with a name of ${bytes.length} bytes`, `${MAXIMUM_NAME_BYTES}`);
  }
  let name: string;
  try {
    name = UTF8.decode(bytes);
  } catch {
    throw refuse("a ZIP entry whose name is not UTF-8", "UTF-8");
  }
  const unsafe = name === "" || name.startsWith("/") || /[\\\0]/.test(name) ||
    /^[A-Za-z]:/.test(name) || /(?:^|\/)\.\.?(?:\/|$)/.test(name);
  if (unsafe) {
    throw refuse(`a ZIP entry named ${quoted(name)}`, "a relative path without parent folders");
  }
  return name;
}

/** First byte of an entry's data, behind its local header, which must repeat the name. */
function findData(view: DataView, header: number, name: string, refuse: Refuse): number {
  const missing = () => refuse(`no header of ZIP entry ${quoted(name)} at byte ${header}`, "one");
  if (header + LOCAL_BYTES > view.byteLength || view.getUint32(header, true) !== 0x04034b50) {
    throw missing();
  }
  const nameBytes = view.getUint16(header + 26, true);
  const data = header + LOCAL_BYTES + nameBytes + view.getUint16(header + 28, true);
  if (data > view.byteLength) throw missing();
  const nameStart = view.byteOffset + header + LOCAL_BYTES;
  const repeated = decodeName(new Uint8Array(view.buffer, nameStart, nameBytes), refuse);
  if (repeated !== name) {
    throw refuse(`ZIP entry ${quoted(name)} with a header for ${quoted(repeated)}`, "one name");
  }
  return data;
}

function readMethod(code: number, name: string, refuse: Refuse): ZipEntry["method"] {
  if (code === 0) return "stored";
  if (code === 8) return "deflated";
  throw refuse(`ZIP entry ${quoted(name)} with compression method ${code}`, "stored or deflated");
}

/**
 * The files of an archive by name, in directory order; folders are left out. Only headers are
 * read. Throws what `refuse` makes for names that leave the archive or appear twice, entries that
 * overlap or lie outside the file, and sizes that cannot be true.
 */
export function readZipDirectory(bytes: Uint8Array, refuse: Refuse): Map<string, ZipEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const directory = readEnd(view, refuse);
  const entries = new Map<string, ZipEntry>();
  const ranges: { name: string; start: number; end: number }[] = [];
  let at = directory.start;
  for (let i = 0; i < directory.entries; i++) {
    if (at + CENTRAL_BYTES > directory.end || view.getUint32(at, true) !== 0x02014b50) {
      throw refuse(`${i} entries in the ZIP directory`, `${directory.entries}`);
    }
    const nameEnd = at + CENTRAL_BYTES + view.getUint16(at + 28, true);
    const next = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > directory.end) throw refuse("a truncated ZIP directory", "a complete one");
    const name = decodeName(bytes.subarray(at + CENTRAL_BYTES, nameEnd), refuse);
    if ((view.getUint16(at + 8, true) & 1) !== 0) {
      throw refuse(`encrypted ZIP entry ${quoted(name)}`, "one that is not encrypted");
    }
    const method = readMethod(view.getUint16(at + 10, true), name, refuse);
    const crc = view.getUint32(at + 16, true);
    const packedBytes = view.getUint32(at + 20, true);
    const size = view.getUint32(at + 24, true);
    const header = view.getUint32(at + 42, true);
    const start = findData(view, header, name, refuse);
    const end = start + packedBytes;
    if (end > directory.start || (method === "stored" && size !== packedBytes)) {
      throw refuse(
        `ZIP entry ${quoted(name)} of ${packedBytes} bytes (${size} unpacked) at byte ${start}`,
        "sizes that agree and fit the file",
      );
    }
    ranges.push({ name, start: header, end });
    if (!name.endsWith("/")) {
      if (entries.has(name)) throw refuse(`ZIP entry ${quoted(name)} twice`, "distinct names");
      entries.set(name, { name, method, packed: bytes.subarray(start, end), size, crc });
    }
    at = next;
  }
  ranges.sort((a, b) => a.start - b.start);
  for (let i = 1; i < ranges.length; i++) {
    if (ranges[i]!.start < ranges[i - 1]!.end) {
      throw refuse(
        `ZIP entries ${quoted(ranges[i - 1]!.name)} and ${quoted(ranges[i]!.name)} that overlap`,
        "entries that lie apart",
      );
    }
  }
  return entries;
}

/**
 * The contents of an entry: a subarray of the archive where it is stored. Throws what `refuse`
 * makes where the data do not have the size or the CRC-32 that the directory states. The caller
 * limits `entry.size` beforehand.
 */
export function extractZipEntry(entry: ZipEntry, refuse: Refuse): Uint8Array {
  const contents = entry.method === "stored"
    ? entry.packed
    : inflateExactly(entry.packed, entry.size, "deflate", refuse);
  if (crc32(contents) !== entry.crc) {
    throw refuse(`ZIP entry ${quoted(entry.name)} with a wrong checksum`, "undamaged data");
  }
  return contents;
}
