/**
 * Memory for intermediate values that several programs share, since only one of them runs at a time:
 * a network is evaluated between two epochs of training in the memory that training used.
 */

import type { BufferRange, Scope } from "./scope.ts";

/** Buffers for programs that never run at the same time. */
export class Scratch {
  readonly #scope: Scope;
  readonly #ranges: BufferRange[] = [];

  /** Buffers are made, and freed, by `scope`. */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /**
   * A buffer for each piece of a program, of at least its bytes. Those of other programs are used
   * again, the closest fit first; no two pieces of one call get the same.
   */
  claim(pieces: readonly { readonly bytes: number; readonly label: string }[]): BufferRange[] {
    const free = new Set(this.#ranges);
    const claimed = new Map<object, BufferRange>();
    // The largest chooses first: what is left over then fits the smaller ones.
    for (const piece of pieces.toSorted((a, b) => b.bytes - a.bytes)) {
      const fitting = [...free].filter(({ size }) => size >= piece.bytes)
        .sort((a, b) => a.size - b.size);
      let range = fitting[0];
      if (range) free.delete(range);
      else this.#ranges.push(range = this.#scope.buffer(piece.bytes, piece.label));
      claimed.set(piece, range);
    }
    return pieces.map((piece) => claimed.get(piece)!);
  }
}
