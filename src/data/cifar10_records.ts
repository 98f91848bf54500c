/** Picks chosen records out of the files of CIFAR-10. */

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
   * Takes whole records piece by piece; the first one is number `first`. Checks every label, kept or
   * not, and throws {@linkcode FormatError} naming `where` for one above 9.
   */
  sink(first: number, where: string): (piece: Uint8Array) => void {
    let record = first;
    let offset = 0; // of the next byte inside its record
    let slot = this.#slotFrom(first);
    return (piece) => {
      let at = 0;
      while (at < piece.length) {
        const kept = this.#indices[slot] === record;
        if (offset === 0) {
          const label = piece[at]!;
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
        const length = Math.min(RECORD_BYTES - offset, piece.length - at);
        if (kept) {
          this.#pixels.set(piece.subarray(at, at + length), slot * IMAGE_BYTES + offset - 1);
        }
        at += length;
        offset += length;
        if (offset === RECORD_BYTES) {
          if (kept) slot++;
          offset = 0;
          record++;
        }
      }
    };
  }

  /** The first slot whose record is not below `record`. */
  #slotFrom(record: number): number {
    let slot = 0;
    while (slot < this.#indices.length && this.#indices[slot]! < record) slot++;
    return slot;
  }
}
