/**
 * What the subgroup kernels cost on a software driver, to rank their tiles without timing them.
 *
 * Fitted to 350 kernels of 14 geometries on llvmpipe (Mesa 22.3.6, LLVM 15, two Zen 5 cores,
 * 2026-11-22): for the 3x3 layers of WRN-16-1 the tile that comes first is within 12 % of the
 * fastest, mostly the fastest. Only ratios matter. Subgroups of 16 lanes, which pay twice for memory
 * accesses, would choose the same tiles.
 */

/** Nanoseconds of one core, for a subgroup of 8 lanes. */
export const COST = {
  /** A load of 1, 2 or 4 floats a lane, each used by its own lane. */
  ownLoad: { 1: 12, 2: 16, 4: 20 },
  /** The same where every float is then broadcast to all lanes. */
  sharedLoad: { 1: 14, 2: 20, 4: 30 },
  /** A store of 1, 2 or 4 floats a lane. */
  store: { 1: 14, 2: 26, 4: 49 },
  /** A multiply-add. */
  product: 0.2,
  /** Taking up and putting back an accumulator in a round of the loop. */
  accumulator: 0.35,
} as const;

/**
 * Most multiply-adds in the loop: about 25 bytes of machine code each, so that more than this leaves
 * the 32 KiB instruction cache (16->16 at 32x32: 1128 products 76 GFLOP/s, 0.2 s of compilation;
 * 2256 products 52 GFLOP/s, 0.55 s).
 */
export const MAXIMUM_PRODUCTS = 1_300;

/** Most accumulators: they live in the first-level data cache. */
export const MAXIMUM_ACCUMULATORS = 256;

/**
 * Most accumulators where the epilogue reads images, which costs about 2 ms of compilation for each
 * (16->32 stride 2, input gradient with relu mask: 256 accumulators 1.0 s, 128 0.5 s).
 */
export const MAXIMUM_FUSED_ACCUMULATORS = 128;

/** Estimates of one candidate. */
export interface Estimate {
  /** Running time on one core, nanoseconds. */
  readonly time: number;
  /** Compilation by the driver, milliseconds. */
  readonly compilation: number;
}

/** Compilation in milliseconds, fitted as above. */
export function compilationTime(products: number, loads: number, stores: number): number {
  return 8 + 0.1 * products + 1.9 * loads + 2.4 * stores;
}

/** Estimates this near to each other, as a ratio, count as equal. */
const TIE = 1.05;

/** `candidates` with the fastest first; the quickest to compile leads those that tie with it. */
export function rank<T>(candidates: readonly T[], estimate: (candidate: T) => Estimate): T[] {
  const judged = candidates.map((candidate) => ({ candidate, ...estimate(candidate) }))
    .sort((a, b) => a.time - b.time);
  const best = judged[0];
  if (!best) return [];
  const tied = judged.filter(({ time }) => time <= best.time * TIE)
    .sort((a, b) => a.compilation - b.compilation);
  const rest = judged.filter(({ time }) => time > best.time * TIE);
  return [...tied, ...rest].map(({ candidate }) => candidate);
}
