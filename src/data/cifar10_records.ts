/** Picks chosen records out of a stream of CIFAR-10 records. */

import { FormatError } from "../errors.ts";
import { CHANNELS, type ImageSet } from "./image_set.ts";

const SIDE = 32;
const IMAGE_BYTES = CHANNELS * SIDE * SIDE;
const CLASSES = 10;

/** Bytes of a record: the label, then (3,32,32) pixels. */
export const RECORD_BYTES = 1 + IMAGE_BYTES;

/** Collects the records at given indices into an image set. */
export class RecordCollector {
  readonly #indices: ArrayLike<number>;
  readonly #pixels: Uint8Array<ArrayBuffer>;
  readonly #labels: Uint16Array<ArrayBuffer>;

  /** `indices` must ascend. */
  constructor(indices: ArrayLike<number>) {
    this.#indices = indices;
    this.#pixels = new Uint8Array(indices.length * IMAGE_BYTES);
    this.#labels = new Uint16Array(indices.length);
  }

  /** The images collected so far; those not yet read are black and of class 0. */
  images(): ImageSet {
    return { pixels: this.#pixels, labels: this.#labels, height: SIDE, width: SIDE };
  }

  /** Whether any of the records `from` to `to - 1` is kept. */
  keepsAny(from: number, to: number): boolean {
    const slot = this.#slotFrom(from);
    return slot < this.#indices.length && this.#indices[slot]! < to;
  }

  /**
   * Reads a stream of whole records to its end; the first one is number `first`. Checks every label,
   * kept or not, and throws {@linkcode FormatError} naming `where` for one above 9.
   */
  async read(body: ReadableStream<Uint8Array>, first: number, where: string): Promise<void> {
    let record = first;
    let offset = 0; // of the next byte inside its record
    let slot = this.#slotFrom(first);
    for await (const chunk of body) {
      let at = 0;
      while (at < chunk.length) {
        const kept = this.#indices[slot] === record;
        if (offset === 0) {
          const label = chunk[at]!;
          if (label >= CLASSES) {
            throw new FormatError(
              `cannot read ${where}: found label ${label} in record ${record - first}, ` +
                `expected 0 to ${CLASSES - 1}`,
            );
          }
          if (kept) this.#labels[slot] = label;
          at++;
          offset = 1;
        }
        const length = Math.min(RECORD_BYTES - offset, chunk.length - at);
        if (kept) {
          this.#pixels.set(chunk.subarray(at, at + length), slot * IMAGE_BYTES + offset - 1);
        }
        at += length;
        offset += length;
        if (offset === RECORD_BYTES) {
          if (kept) slot++;
          offset = 0;
          record++;
        }
      }
    }
  }

  /** The first slot whose record is not below `record`. */
  #slotFrom(record: number): number {
    let slot = 0;
    while (slot < this.#indices.length && this.#indices[slot]! < record) slot++;
    return slot;
  }
}
