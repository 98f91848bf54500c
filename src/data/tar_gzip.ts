/** Streams the files of an untrusted `.tar.gz` without unpacking anything to disk. */

import { createTarDecoder } from "npm:modern-tar@0.8.6";
import { FormatError, LetheError, messageOf } from "../errors.ts";

/** One file of an archive. Its body must be read or cancelled before the next one comes. */
export interface TarFile {
  /** Path inside the archive, never absolute and without `..`. */
  readonly name: string;
  /** Bytes of the body, as the header states it. */
  readonly size: number;
  /** The content, in chunks. */
  readonly body: ReadableStream<Uint8Array>;
}

/**
 * Calls `visit` for every regular file, in the order of the archive, and reads to the end, so that the checksum of the gzip
 * stream is always checked.
 *
 * Memory stays at a few MB whatever the archive holds. Throws {@linkcode FormatError} for an entry
 * that is not a plain file or folder, a path that would leave the folder, a bad or cut-off gzip or
 * tar stream, and as soon as more than `maximumBytes` have been decompressed.
 */
export async function visitTarGzip(
  path: string,
  maximumBytes: number,
  visit: (file: TarFile) => Promise<void>,
): Promise<void> {
  let total = 0;
  const bounded = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      total += chunk.length;
      if (total > maximumBytes) {
        throw new FormatError(
          `cannot read ${path}: it expands to more than ${maximumBytes} bytes, expected less`,
        );
      }
      controller.enqueue(chunk);
    },
  });
  const archive = await Deno.open(path);
  try {
    const entries = archive.readable
      .pipeThrough(new DecompressionStream("gzip"))
      .pipeThrough(bounded)
      .pipeThrough(createTarDecoder({ strict: true }));
    for await (const { header, body } of entries) {
      if (header.name.startsWith("/") || header.name.split(/[/\\]/).includes("..")) {
        throw new FormatError(
          `cannot read ${path}: found the entry "${header.name}", expected paths inside the archive`,
        );
      }
      if (header.type === "directory") continue;
      if (header.type !== "file") {
        throw new FormatError(
          `cannot read ${path}: "${header.name}" is a ${header.type}, expected files and folders`,
        );
      }
      await visit({ name: header.name, size: header.size, body });
    }
  } catch (error) {
    if (error instanceof LetheError) throw error;
    const found = messageOf(error);
    throw new FormatError(
      `cannot read ${path}: found damaged data (${found}), expected a complete .tar.gz archive`,
      { cause: error },
    );
  }
}
