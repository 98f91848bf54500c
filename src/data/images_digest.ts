/** A fingerprint of labelled images, by which a resumed run notices that they changed. */

import { CHANNELS, imageCount, type ImageSet } from "./image_set.ts";

/** Bytes hashed at a time: Web Crypto takes its input whole, and copies it. */
const CHUNK_BYTES = 64 * 1024 * 1024;

/**
 * Digests what a network can see of images and what is said of them: SHA-256, in lower-case
 * hexadecimal, of a JSON text of the shape (N,3,H,W), the names of the classes in their order, and
 * the SHA-256 digests of the pixels and the labels, each in pieces of 64 MiB.
 */
export async function imagesDigest(
  set: ImageSet,
  classNames: readonly string[],
): Promise<string> {
  const text = JSON.stringify({
    shape: [imageCount(set), CHANNELS, set.height, set.width],
    classNames,
    pixels: await pieceDigests(set.pixels),
    labels: await pieceDigests(littleEndian(set.labels)),
  });
  return await sha256(new TextEncoder().encode(text));
}

async function pieceDigests(bytes: Uint8Array<ArrayBuffer>): Promise<string[]> {
  const digests: string[] = [];
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    digests.push(await sha256(bytes.subarray(start, start + CHUNK_BYTES)));
  }
  return digests;
}

function littleEndian(labels: Uint16Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(2 * labels.length);
  const view = new DataView(bytes.buffer);
  labels.forEach((label, i) => view.setUint16(2 * i, label, true));
  return bytes;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
