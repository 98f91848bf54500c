/** Batch normalisation in float64, with the conventions of `torch.nn.BatchNorm2d`. */

import type { FeatureMaps } from "../../shaders/channel_sweep.ts";

const EPSILON = 1e-5;
const MOMENTUM = 0.1;

/** Indices of all elements of channel `channel` in (N,C,H,W). */
export function* channelElements({ n, c, h, w }: FeatureMaps, channel: number): Generator<number> {
  for (let image = 0; image < n; image++) {
    for (let pixel = 0; pixel < h * w; pixel++) yield (image * c + channel) * h * w + pixel;
  }
}

/** Mean and biased variance of every channel. */
export function batchStatistics(
  maps: FeatureMaps,
  x: ArrayLike<number>,
): { mean: Float64Array; variance: Float64Array } {
  const count = maps.n * maps.h * maps.w;
  const mean = new Float64Array(maps.c);
  const variance = new Float64Array(maps.c);
  for (let channel = 0; channel < maps.c; channel++) {
    for (const i of channelElements(maps, channel)) mean[channel]! += x[i]! / count;
    for (const i of channelElements(maps, channel)) {
      variance[channel]! += (x[i]! - mean[channel]!) ** 2 / count;
    }
  }
  return { mean, variance };
}

/** y = gamma (x - mean) / sqrt(variance + epsilon) + beta. */
export function normalize(
  maps: FeatureMaps,
  x: ArrayLike<number>,
  gamma: ArrayLike<number>,
  beta: ArrayLike<number>,
  { mean, variance }: { mean: ArrayLike<number>; variance: ArrayLike<number> },
): Float64Array {
  const y = new Float64Array(x.length);
  for (let channel = 0; channel < maps.c; channel++) {
    const deviation = Math.sqrt(variance[channel]! + EPSILON);
    for (const i of channelElements(maps, channel)) {
      y[i] = gamma[channel]! * (x[i]! - mean[channel]!) / deviation + beta[channel]!;
    }
  }
  return y;
}

/** Normalises by the statistics of the batch. */
export function batchNormTraining(
  maps: FeatureMaps,
  x: ArrayLike<number>,
  gamma: ArrayLike<number>,
  beta: ArrayLike<number>,
): Float64Array {
  return normalize(maps, x, gamma, beta, batchStatistics(maps, x));
}

/** Running statistics after a batch: the variance enters with its unbiased estimate. */
export function updatedStatistics(
  maps: FeatureMaps,
  x: ArrayLike<number>,
  running: { mean: ArrayLike<number>; variance: ArrayLike<number> },
): { mean: Float64Array; variance: Float64Array } {
  const count = maps.n * maps.h * maps.w;
  const batch = batchStatistics(maps, x);
  return {
    mean: batch.mean.map((value, i) => (1 - MOMENTUM) * running.mean[i]! + MOMENTUM * value),
    variance: batch.variance.map((value, i) =>
      (1 - MOMENTUM) * running.variance[i]! + MOMENTUM * value * count / (count - 1)
    ),
  };
}

/** Gradients of {@linkcode batchNormTraining}, by the chain rule through mean and variance. */
export function batchNormTrainingGradient(
  maps: FeatureMaps,
  x: ArrayLike<number>,
  gamma: ArrayLike<number>,
  dy: ArrayLike<number>,
): { dx: Float64Array; dgamma: Float64Array; dbeta: Float64Array } {
  const count = maps.n * maps.h * maps.w;
  const { mean, variance } = batchStatistics(maps, x);
  const dx = new Float64Array(x.length);
  const dgamma = new Float64Array(maps.c);
  const dbeta = new Float64Array(maps.c);
  for (let channel = 0; channel < maps.c; channel++) {
    const deviation = Math.sqrt(variance[channel]! + EPSILON);
    let dmean = 0;
    let dvariance = 0;
    for (const i of channelElements(maps, channel)) {
      const centred = x[i]! - mean[channel]!;
      dgamma[channel]! += dy[i]! * centred / deviation;
      dbeta[channel]! += dy[i]!;
      dmean -= gamma[channel]! * dy[i]! / deviation;
      dvariance -= gamma[channel]! * dy[i]! * centred / (2 * deviation ** 3);
    }
    for (const i of channelElements(maps, channel)) {
      dx[i] = gamma[channel]! * dy[i]! / deviation + dmean / count +
        2 * dvariance * (x[i]! - mean[channel]!) / count;
    }
  }
  return { dx, dgamma, dbeta };
}

/** Gradients of {@linkcode normalize} where mean and variance are constants. */
export function normalizeGradient(
  maps: FeatureMaps,
  x: ArrayLike<number>,
  gamma: ArrayLike<number>,
  dy: ArrayLike<number>,
  { mean, variance }: { mean: ArrayLike<number>; variance: ArrayLike<number> },
): { dx: Float64Array; dgamma: Float64Array; dbeta: Float64Array } {
  const dx = new Float64Array(x.length);
  const dgamma = new Float64Array(maps.c);
  const dbeta = new Float64Array(maps.c);
  for (let channel = 0; channel < maps.c; channel++) {
    const deviation = Math.sqrt(variance[channel]! + EPSILON);
    for (const i of channelElements(maps, channel)) {
      dx[i] = gamma[channel]! * dy[i]! / deviation;
      dgamma[channel]! += dy[i]! * (x[i]! - mean[channel]!) / deviation;
      dbeta[channel]! += dy[i]!;
    }
  }
  return { dx, dgamma, dbeta };
}
