/** Fetches the official archive of a data set, and trusts nothing until its digest fits. */

import { FormatError, messageOf } from "../errors.ts";
import { kindOf } from "./paths.ts";

/** A published file that never changes. */
export interface OfficialFile {
  /** Where it is published. */
  readonly url: string;
  /** Its name on disk. */
  readonly name: string;
  /** Its length. */
  readonly bytes: number;
  /** Its SHA-256, in lower-case hexadecimal. */
  readonly sha256: string;
}

/**
 * The archive of https://www.cs.toronto.edu/~kriz/cifar.html, whose MD5 is
 * c32a1d4ab5d03f1284b67883e8d87530 there; browsers digest by SHA-256.
 */
export const CIFAR10_FILE: OfficialFile = {
  url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
  name: "cifar-10-binary.tar.gz",
  bytes: 170_052_171,
  sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
};

/** Options of {@linkcode downloadFile}. */
export interface DownloadOptions {
  /** Called at the start and after every piece with the bytes on disk and those in all. */
  readonly onProgress?: (received: number, total: number) => void;
  /** Gives up when nothing arrives for so long. Default: 60. */
  readonly stallSeconds?: number;
}

/**
 * Downloads `file` into `folder`, which is made if need be, and returns the path.
 *
 * The bytes go to `NAME.part`, which takes its name only when length and digest fit. After a broken
 * connection that file stays, and the next call goes on where it ends; a server that can't do so
 * starts over. Throws {@linkcode FormatError} for a refused connection, an HTTP status other than
 * 200 and 206, a stalled or short body, and a wrong length or digest; after the last two the file is
 * removed.
 */
export async function downloadFile(
  file: OfficialFile,
  folder: string,
  options: DownloadOptions = {},
): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  const path = `${folder}/${file.name}`;
  const part = `${path}.part`;
  let present = await kindOf(part) === "file" ? (await Deno.stat(part)).size : 0;
  if (present > file.bytes) {
    await Deno.remove(part);
    present = 0;
  }
  if (present < file.bytes) await fetchInto(part, file, present, options);
  await checkDigest(part, file);
  await Deno.rename(part, path);
  return path;
}

/** Appends what follows the first `present` bytes of `file` to `part`, or all of it anew. */
async function fetchInto(
  part: string,
  file: OfficialFile,
  present: number,
  { onProgress, stallSeconds = 60 }: DownloadOptions,
): Promise<void> {
  const stalled = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expectBytes = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stalled.abort(), 1000 * stallSeconds);
  };
  expectBytes();
  let received = 0;
  try {
    const { body, resumed } = await request(file, present, stalled.signal);
    received = resumed ? present : 0;
    using output = await Deno.open(part, { write: true, create: true, truncate: !resumed });
    await output.seek(received, Deno.SeekMode.Start);
    onProgress?.(received, file.bytes);
    for await (const chunk of body) {
      expectBytes();
      received += chunk.length;
      if (received > file.bytes) break;
      for (let at = 0; at < chunk.length;) at += await output.write(chunk.subarray(at));
      onProgress?.(received, file.bytes);
    }
    await output.sync();
  } catch (error) {
    if (error instanceof FormatError) throw error;
    if (error instanceof Deno.errors.NotCapable) {
      throw new FormatError(
        `cannot download ${file.url}: this program has no permission for it ` +
          `(${error.message.split(",")[0]}), expected network access to ${
            new URL(file.url).host
          } ` +
          `and write access to ${part}`,
        { cause: error },
      );
    }
    const found = stalled.signal.aborted
      ? `nothing arrived for ${stallSeconds} s`
      : messageOf(error);
    throw new FormatError(
      `cannot download ${file.url}: ${found} after ${received} of ${file.bytes} bytes; ` +
        `run the command again to go on from there`,
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
  if (received > file.bytes) {
    await Deno.remove(part);
    throw new FormatError(
      `cannot download ${file.url}: found more than the expected ${file.bytes} bytes`,
    );
  }
  if (received < file.bytes) {
    throw new FormatError(
      `cannot download ${file.url}: the server sent ${received} bytes, expected ${file.bytes}; ` +
        `run the command again to go on from there`,
    );
  }
}

/** Asks for `file` from byte `present` on; `resumed` says whether the server obliged. */
async function request(
  file: OfficialFile,
  present: number,
  signal: AbortSignal,
): Promise<{ body: ReadableStream<Uint8Array>; resumed: boolean }> {
  const headers = new Headers(present === 0 ? {} : { range: `bytes=${present}-` });
  let response = await fetch(file.url, { headers, signal });
  const resumed = response.status === 206 &&
    response.headers.get("content-range")?.startsWith(`bytes ${present}-`) === true;
  if (present > 0 && !resumed && response.status !== 200) {
    await response.body?.cancel();
    response = await fetch(file.url, { signal });
  }
  if (response.body === null || !(resumed || response.status === 200)) {
    await response.body?.cancel();
    throw new FormatError(
      `cannot download ${file.url}: found HTTP status ${response.status}, expected 200`,
    );
  }
  return { body: response.body, resumed };
}

/** Removes the file when its digest is wrong: a resumed download would stay wrong for ever. */
async function checkDigest(part: string, file: OfficialFile): Promise<void> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(part));
  const found = new Uint8Array(digest).toHex();
  if (found === file.sha256) return;
  await Deno.remove(part);
  throw new FormatError(
    `cannot use ${file.url}: found SHA-256 ${found}, expected ${file.sha256}; ` +
      `the file was removed`,
  );
}
