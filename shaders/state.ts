/**
 * The words by which the kernels of a training step know where they are, in one small buffer:
 * [0] the step within the epoch, [1] the epoch, [2] the seed, [3] unused.
 */
export const STATE_WORDS = 4;
