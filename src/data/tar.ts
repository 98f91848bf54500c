/**
 * Reads an untrusted tar archive as it streams by: POSIX ustar and pax, GNU's long names and the old
 * format before both (https://www.gnu.org/software/tar/manual/html_node/Standard.html).
 */

import type { Refuse } from "../formats/refusal.ts";
import { quoted } from "../text/quoted.ts";

const BLOCK_BYTES = 512;
/** Long names and pax records; a path of an operating system has at most 4,096 bytes. */
const MAXIMUM_META_BYTES = 64 * 1024;

const KINDS: Readonly<Record<string, TarEntry["kind"]>> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  "1": "link",
  "2": "symlink",
  "3": "character-device",
  "4": "block-device",
  "5": "folder",
  "6": "fifo",
};

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** What the header of an entry says. */
export interface TarEntry {
  /** Its path as it stands there, not checked; undefined where that is not UTF-8. */
  readonly name: string | undefined;
  /** What it is. */
  readonly kind:
    | "file"
    | "folder"
    | "link"
    | "symlink"
    | "character-device"
    | "block-device"
    | "fifo"
    | "unknown";
  /** Bytes of its content. */
  readonly size: number;
}

/** Takes the content of an entry piece by piece, in order; a piece is only valid during the call. */
export type TarSink = (piece: Uint8Array) => void;

/**
 * Calls `visit` for every entry in order; what it returns gets the content. Reads to the end of
 * `chunks`, so that the checksum of a compressed stream is always checked. Throws what `refuse`
 * makes for damaged headers and an archive that is cut off.
 */
export async function visitTar(
  chunks: AsyncIterable<Uint8Array>,
  refuse: Refuse,
  visit: (entry: TarEntry) => TarSink | undefined,
): Promise<void> {
  const reader = new TarReader(refuse, visit);
  for await (const chunk of chunks) reader.push(chunk);
  reader.finish();
}

/** What entries of their own kind say about the one that follows. */
interface Ahead {
  name?: Uint8Array;
  size?: number;
}

class TarReader {
  readonly #refuse: Refuse;
  readonly #visit: (entry: TarEntry) => TarSink | undefined;
  readonly #header = new Uint8Array(BLOCK_BYTES);
  #headerBytes = 0;
  #bodyBytes = 0;
  #paddingBytes = 0;
  #sink: TarSink | undefined;
  #onEnd: (() => void) | undefined;
  #ahead: Ahead = {};
  #ended = false;

  constructor(refuse: Refuse, visit: (entry: TarEntry) => TarSink | undefined) {
    this.#refuse = refuse;
    this.#visit = visit;
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && !this.#ended;) {
      const left = chunk.length - at;
      if (this.#bodyBytes > 0) {
        const length = Math.min(left, this.#bodyBytes);
        this.#sink?.(chunk.subarray(at, at + length));
        this.#bodyBytes -= length;
        at += length;
        if (this.#bodyBytes === 0) this.#onEnd?.();
      } else if (this.#paddingBytes > 0) {
        const length = Math.min(left, this.#paddingBytes);
        this.#paddingBytes -= length;
        at += length;
      } else {
        const length = Math.min(left, BLOCK_BYTES - this.#headerBytes);
        this.#header.set(chunk.subarray(at, at + length), this.#headerBytes);
        this.#headerBytes += length;
        at += length;
        if (this.#headerBytes === BLOCK_BYTES) this.#readHeader();
      }
    }
  }

  /** Checks that the archive had its end. */
  finish(): void {
    if (!this.#ended) throw this.#refuse("a tar archive that is cut off", "its end");
  }

  #readHeader(): void {
    const header = this.#header;
    this.#headerBytes = 0;
    // Loops: an archive may consist of headers, and a call for each byte would take its time.
    let sum = 0;
    for (let i = 0; i < BLOCK_BYTES; i++) sum += header[i]!;
    if (sum === 0) {
      this.#ended = true;
      return;
    }
    this.#checkSum(sum);
    const type = String.fromCharCode(header[156]!);
    const size = this.#number(124, 12);
    if (type === "L" || type === "x" || type === "K" || type === "g") {
      this.#readMeta(type, size);
      return;
    }
    const ahead = this.#ahead;
    this.#ahead = {};
    const name = decode(ahead.name ?? this.#pathBytes());
    const isOldFolder = (type === "0" || type === "\0") && name?.endsWith("/");
    const kind = isOldFolder ? "folder" : KINDS[type] ?? "unknown";
    const bodyBytes = ahead.size ?? size;
    this.#begin(bodyBytes, this.#visit({ name, kind, size: bodyBytes }));
  }

  #begin(bytes: number, sink: TarSink | undefined, onEnd?: () => void): void {
    this.#bodyBytes = bytes;
    this.#paddingBytes = (BLOCK_BYTES - bytes % BLOCK_BYTES) % BLOCK_BYTES;
    this.#sink = sink;
    this.#onEnd = onEnd;
  }

  /** Of a pax header (x) the path and size count, and GNU's long name (L); no link is followed. */
  #readMeta(type: string, size: number): void {
    if (size === 0 || type === "K" || type === "g") {
      this.#begin(size, undefined);
      return;
    }
    if (size > MAXIMUM_META_BYTES) {
      throw this.#refuse(`a tar header of ${size} bytes`, `at most ${MAXIMUM_META_BYTES}`);
    }
    const meta = new Uint8Array(size);
    let length = 0;
    this.#begin(size, (piece) => {
      meta.set(piece, length);
      length += piece.length;
    }, () => {
      if (type === "L") this.#ahead.name = untilZero(meta);
      else this.#readPax(meta);
    });
  }

  /** Records of `LENGTH KEY=VALUE\n`. */
  #readPax(meta: Uint8Array): void {
    for (let at = 0; at < meta.length;) {
      const space = meta.indexOf(0x20, at);
      const length = space < 0 ? NaN : Number(ascii(meta.subarray(at, space)));
      const end = at + length;
      if (!Number.isInteger(length) || end <= space || end > meta.length || meta[end - 1] !== 10) {
        throw this.#refuse("a damaged pax header", "records of LENGTH KEY=VALUE");
      }
      const equals = meta.indexOf(0x3d, space);
      const key = ascii(meta.subarray(space + 1, equals < 0 ? end : Math.min(equals, end)));
      const value = meta.subarray(equals + 1, end - 1);
      if (key === "path") this.#ahead.name = value.slice();
      if (key === "size") {
        const size = Number(ascii(value));
        if (!/^\d+$/.test(ascii(value)) || !Number.isSafeInteger(size)) {
          throw this.#refuse(`a size of ${quoted(ascii(value))}`, "a number");
        }
        this.#ahead.size = size;
      }
      at = end;
    }
  }

  #pathBytes(): Uint8Array {
    const header = this.#header;
    const name = untilZero(header.subarray(0, 100));
    // GNU's own format, whose magic ends in a space, has other fields there.
    const hasPrefix = header[345] !== 0 && header[262] === 0 &&
      ascii(header.subarray(257, 262)) === "ustar";
    if (!hasPrefix) return name;
    return Uint8Array.of(...untilZero(header.subarray(345, 500)), 0x2f, ...name);
  }

  /** The sum counts its own field as eight spaces. */
  #checkSum(sum: number): void {
    for (let i = 148; i < 156; i++) sum += 0x20 - this.#header[i]!;
    if (this.#number(148, 8) !== sum) {
      throw this.#refuse("a tar header with a wrong checksum", "undamaged data");
    }
  }

  /** A number in octal digits, or in base 256 behind a byte of 0x80. */
  #number(start: number, length: number): number {
    const field = this.#header.subarray(start, start + length);
    if (field[0] === 0x80) {
      const value = field.subarray(1).reduce((number, byte) => number * 256 + byte, 0);
      if (Number.isSafeInteger(value)) return value;
      throw this.#refuse(`a number of ${value} in a tar header`, "a smaller one");
    }
    let value = 0;
    for (let i = 0; i < length; i++) {
      const byte = field[i]!;
      if (byte === 0) break;
      if (byte === 0x20) continue;
      if (byte < 0x30 || byte > 0x37) {
        throw this.#refuse(`${quoted(ascii(field))} in a tar header`, "octal digits");
      }
      value = 8 * value + byte - 0x30;
    }
    return value;
  }
}

function untilZero(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 1000));
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}
