/**
 * The words by which the kernels of a training step know where they are, in one small buffer:
 * [0] the step within the epoch, [1] the epoch, [2] the seed, [3] bits of {@linkcode NOT_FINITE}.
 */
export const STATE_WORDS = 4;

/** Set in the state where something was NaN or infinite. */
export const NOT_FINITE = {
  /** A parameter, its momentum, or a running statistic. */
  state: 1,
  /** A logit. */
  logits: 2,
} as const;

/**
 * WGSL function `finite(value: f32) -> bool`, by the bits of the exponent: comparisons may be compiled
 * as if there were no NaN, and relu(NaN) is 0, so that a loss does not tell.
 */
export const FINITE = `
fn finite(value: f32) -> bool { return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u; }`;
