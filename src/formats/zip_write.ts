/** Writes archives of uncompressed entries whose data are aligned, as PyTorch's are. */

import { FormatError } from "../errors.ts";
import { crc32 } from "./crc32.ts";

/** A file to put into an archive. */
export interface ZipFile {
  /** Path inside the archive. */
  readonly name: string;
  /** Contents. */
  readonly bytes: Uint8Array;
}

const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;

/** 1 January 1980, the earliest date that ZIP can hold: equal contents give equal bytes. */
const DOS_DATE = 0x21;

/** "FB", the extra field by which PyTorch pads, see `caffe2/serialize/inline_container.cc`. */
const PADDING_FIELD = 0x4246;

/** Names are UTF-8 (APPNOTE.TXT, section 4.4.4, bit 11). */
const UTF8_FLAG = 0x800;

/** What the local header and the directory have in common, from "version needed" to extra length. */
function writeCommon(view: DataView, at: number, crc: number, size: number, nameBytes: number) {
  view.setUint16(at, 20, true);
  view.setUint16(at + 2, UTF8_FLAG, true);
  view.setUint16(at + 8, DOS_DATE, true);
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, size, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, nameBytes, true);
}

/**
 * An archive of stored files whose contents start at multiples of `alignment` bytes. The result
 * depends on nothing but the arguments. Throws {@linkcode FormatError} at 4 GiB or 65,535 files.
 */
export function writeStoredZip(
  files: readonly ZipFile[],
  alignment: number,
): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  let length = 0;
  let directoryBytes = 0;
  const placed = files.map(({ name, bytes }) => {
    const encoded = encoder.encode(name);
    const header = length;
    const unpadded = header + LOCAL_BYTES + encoded.length + 4;
    const start = Math.ceil(unpadded / alignment) * alignment;
    length = start + bytes.length;
    directoryBytes += CENTRAL_BYTES + encoded.length;
    return { name: encoded, bytes, header, start, padding: start - unpadded, crc: crc32(bytes) };
  });
  const total = length + directoryBytes + END_BYTES;
  if (total >= 0xffffffff || files.length >= 0xffff) {
    throw new FormatError(
      `cannot write a ZIP file of ${files.length} entries and ${total} bytes: ` +
        "expected fewer than 65535 entries and 4 GiB",
    );
  }
  const zip = new Uint8Array(total);
  const view = new DataView(zip.buffer);
  let at = length;
  for (const { name, bytes, header, start, padding, crc } of placed) {
    view.setUint32(header, 0x04034b50, true);
    writeCommon(view, header + 4, crc, bytes.length, name.length);
    view.setUint16(header + 28, 4 + padding, true);
    zip.set(name, header + LOCAL_BYTES);
    view.setUint16(header + LOCAL_BYTES + name.length, PADDING_FIELD, true);
    view.setUint16(header + LOCAL_BYTES + name.length + 2, padding, true);
    zip.set(bytes, start);

    view.setUint32(at, 0x02014b50, true);
    view.setUint16(at + 4, 20, true);
    writeCommon(view, at + 6, crc, bytes.length, name.length);
    view.setUint32(at + 42, header, true);
    zip.set(name, at + CENTRAL_BYTES);
    at += CENTRAL_BYTES + name.length;
  }
  view.setUint32(at, 0x06054b50, true);
  view.setUint16(at + 8, files.length, true);
  view.setUint16(at + 10, files.length, true);
  view.setUint32(at + 12, directoryBytes, true);
  view.setUint32(at + 16, length, true);
  return zip;
}
