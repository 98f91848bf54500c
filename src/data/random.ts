/**
 * Counter-based random numbers: every value is a pure function of its arguments, so a run can be
 * resumed at any step, and the same function in WGSL gives the same bits on a GPU.
 *
 * Only integer operations and the exactly rounded `+ - * /` and `Math.sqrt` are used; `Math.log`
 * and its kind may differ between JavaScript engines.
 */

import { RandomPurpose } from "../../shaders/random_purpose.ts";

export { RandomPurpose };

/**
 * Hashes four unsigned 32-bit words to four: `pcg4d` of Jarzynski and Olano, "Hash Functions for
 * GPU Rendering", JCGT 9(3), 2020, listing 16. Arguments are taken modulo 2^32.
 */
export function pcg4d(
  x: number,
  y: number,
  z: number,
  w: number,
): [x: number, y: number, z: number, w: number] {
  x = (Math.imul(x, 1664525) + 1013904223) | 0;
  y = (Math.imul(y, 1664525) + 1013904223) | 0;
  z = (Math.imul(z, 1664525) + 1013904223) | 0;
  w = (Math.imul(w, 1664525) + 1013904223) | 0;
  x = (x + Math.imul(y, w)) | 0;
  y = (y + Math.imul(z, x)) | 0;
  z = (z + Math.imul(x, y)) | 0;
  w = (w + Math.imul(y, z)) | 0;
  x ^= x >>> 16;
  y ^= y >>> 16;
  z ^= z >>> 16;
  w ^= w >>> 16;
  x = (x + Math.imul(y, w)) | 0;
  y = (y + Math.imul(z, x)) | 0;
  z = (z + Math.imul(x, y)) | 0;
  w = (w + Math.imul(y, z)) | 0;
  return [x >>> 0, y >>> 0, z >>> 0, w >>> 0];
}

/**
 * A stream of random numbers: word `4 i + j` is component j of `pcg4d(i, index, purpose, seed)`.
 * Streams that differ in any argument are independent. All arguments are taken modulo 2^32.
 */
export class RandomStream {
  readonly #seed: number;
  readonly #purpose: number;
  readonly #index: number;
  #counter = 0;
  #words: readonly number[] = [];
  #used = 4;
  #spareNormal: number | undefined;

  /** `index` tells apart streams of one purpose: an epoch, an image, a layer. */
  constructor(seed: number, purpose: RandomPurpose, index = 0) {
    this.#seed = seed;
    this.#purpose = purpose;
    this.#index = index;
  }

  /** The next word, 0..2^32-1. */
  word(): number {
    if (this.#used === 4) {
      this.#words = pcg4d(this.#counter++, this.#index, this.#purpose, this.#seed);
      this.#used = 0;
    }
    return this.#words[this.#used++]!;
  }

  /** Uniform in [0,1): the upper 24 bits of a word, so the value is exact in float32 as well. */
  uniform(): number {
    return (this.word() >>> 8) / 0x1000000;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** A whole number 0..n-1, each equally likely (words that would favour some are drawn again). */
  below(n: number): number {
    const limit = 0x100000000 - (0x100000000 % n);
    let word = this.word();
    while (word >= limit) word = this.word();
    return word % n;
  }

  /** Standard normal, by the polar method of Marsaglia and Bray (1964). */
  normal(): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal;
      this.#spareNormal = undefined;
      return spare;
    }
    for (;;) {
      const a = 2 * this.uniform() - 1;
      const b = 2 * this.uniform() - 1;
      const s = a * a + b * b;
      if (s > 0 && s < 1) {
        const scale = Math.sqrt(-2 * portableLog(s) / s);
        this.#spareNormal = b * scale;
        return a * scale;
      }
    }
  }
}

/** The numbers 0..n-1 in an order drawn from (seed, epoch) by Fisher and Yates' shuffle, (n). */
export function permutation(n: number, seed: number, epoch: number): Uint32Array<ArrayBuffer> {
  return shuffle(n, new RandomStream(seed, RandomPurpose.order, epoch));
}

/** The numbers 0..n-1 in an order drawn from `random`, (n). */
export function shuffle(n: number, random: RandomStream): Uint32Array<ArrayBuffer> {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}

/**
 * Natural logarithm of 0 < x <= 1 with equal bits on every machine: x = m 2^-k with m in [0.7,1.4)
 * and log m = 2 artanh((m-1)/(m+1)) by its series. Relative error below 1e-12.
 */
function portableLog(x: number): number {
  let k = 0;
  while (x < 0.7) {
    x *= 2;
    k++;
  }
  const s = (x - 1) / (x + 1);
  const s2 = s * s;
  let sum = 0;
  for (let n = 15; n >= 1; n -= 2) sum = sum * s2 + 1 / n;
  return 2 * s * sum - k * Math.LN2;
}
