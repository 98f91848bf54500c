/** Speeds to compare a machine with: WRN-16-1 at batch 64 on 32x32 images, as `doctor` times it. */

/** A machine on which `doctor` has run. */
export interface KnownAdapter {
  /** Adapter and machine. */
  readonly name: string;
  readonly trainingImagesPerSecond: number;
  readonly evaluationImagesPerSecond: number;
  /** ISO 8601. */
  readonly measured: string;
}

/** In the order of their speed. Add yours: `deno task doctor` prints the line. */
export const KNOWN_ADAPTERS: readonly KnownAdapter[] = [
  {
    name: "llvmpipe (Mesa 22.3, LLVM 15) on 2 cores of an AMD EPYC, Zen 5",
    trainingImagesPerSecond: 330,
    evaluationImagesPerSecond: 1250,
    measured: "2026-11-22",
  },
];
