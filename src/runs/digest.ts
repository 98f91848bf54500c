/** Digests by which damage to files is noticed. */

/** SHA-256, lower-case hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Bytes that are hashed together. */
const BLOCK_BYTES = 1 << 16;

/**
 * The digest of a file that grows: of each block of 64 KiB together with the digest of all blocks
 * before it, so that an addition costs what is added and not what is there.
 */
export class GrowingDigest {
  #before = "";
  #block = new Uint8Array(0);

  /** Adds bytes to the end. */
  async add(bytes: Uint8Array): Promise<void> {
    let rest = joined(this.#block, bytes);
    for (; rest.length >= BLOCK_BYTES; rest = rest.subarray(BLOCK_BYTES)) {
      this.#before = await this.#with(rest.subarray(0, BLOCK_BYTES));
    }
    this.#block = rest.slice();
  }

  /** The digest of all bytes so far, lower-case hexadecimal. */
  async value(): Promise<string> {
    return await this.#with(this.#block);
  }

  async #with(block: Uint8Array): Promise<string> {
    return await sha256(joined(new TextEncoder().encode(this.#before), block));
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
