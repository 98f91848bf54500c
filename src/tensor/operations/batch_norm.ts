/**
 * Batch normalisation with the ReLU behind it. The normalised activation is not stored: the
 * convolutions that use it compute it from the batch norm's input as they read, and take the batch's
 * statistics and the sums for the gradient on their way. Kernels of its own do the same where no
 * convolution can.
 */

import {
  type BatchNormConstants,
  batchStatisticsKernel,
  centeredNormalizeKernel,
  equalStatisticsParts,
  evaluationCoefficientsKernel,
  normalizeGradientKernel,
  normalizeKernel,
  normalizeParameterGradientsKernel,
  normalizeSumsKernel,
  sweepStatisticsParts,
  trainingCoefficientsKernel,
} from "../../../shaders/batch_norm.ts";
import { sweepParts } from "../../../shaders/channel_sweep.ts";
import type { Tape } from "../tape.ts";
import { expectShape, nchw, type Tensor } from "../tensor.ts";

export type { BatchNormConstants };

/** Parameters and running statistics of a batch norm over C channels, each (C). */
export interface BatchNormTensors {
  /** Scale, PyTorch's `weight`. */
  readonly gamma: Tensor;
  /** Shift, PyTorch's `bias`. */
  readonly beta: Tensor;
  /** Updated in training mode. */
  readonly runningMean: Tensor;
  /** Unbiased estimate; updated in training mode. */
  readonly runningVariance: Tensor;
  /** Epsilon and momentum; PyTorch's defaults where they are absent. */
  readonly constants?: BatchNormConstants;
}

/**
 * `training` normalises by the statistics of the batch and updates the running ones; `evaluation`
 * normalises by the running ones.
 */
export type Mode = "training" | "evaluation";

/** relu(scale x + shift), not computed yet. */
export interface Activation {
  /** Stands for the activation on the tape; no kernel writes it. */
  readonly value: Tensor;
  /** x (N,C,H,W) */
  readonly source: Tensor;
  /** (4,C): scale, shift, mean, inverse standard deviation. */
  readonly coefficients: Tensor;
}

/** Statistics of a tensor that came with it: (parts,C,2), mean and M2 of equally large parts. */
interface AttachedStatistics {
  readonly statistics: Tensor;
  readonly parts: number;
  readonly valuesPerPart: number;
}

/** Sums that came with a gradient dz already taken through the ReLU: of dz and dz (x - mean). */
interface AttachedSums {
  readonly sums: Tensor;
  readonly parts: number;
}

const attachedStatistics = new WeakMap<Tensor, AttachedStatistics>();
const attachedSums = new WeakMap<Tensor, AttachedSums>();

/** Notes that the kernel which writes `tensor` also takes its statistics. */
export function attachStatistics(tensor: Tensor, statistics: AttachedStatistics): void {
  attachedStatistics.set(tensor, statistics);
}

/** Notes that `gradient` has passed the ReLU already, and that its sums were taken with it. */
export function attachMaskedSums(gradient: Tensor, sums: AttachedSums): void {
  attachedSums.set(gradient, sums);
}

/**
 * x (N,C,H,W) -> its batch norm's positive part, as an activation for {@linkcode convolution} or
 * {@linkcode materialize}.
 *
 * In evaluation mode the coefficients depend on parameters only, so they are computed once
 * (`Program.prepare`).
 *
 * @throws {RangeError} where a tensor is not (C).
 */
export function normalizedActivation(
  tape: Tape,
  x: Tensor,
  tensors: BatchNormTensors,
  mode: Mode,
): Activation {
  const coefficients = recordCoefficients(tape, x, tensors, mode);
  const value = tape.transient(x.shape, `activation of ${tensors.gamma.label}`);
  recordGradient(tape, { x, coefficients, y: value, tensors, mode, relu: true });
  return { value, source: x, coefficients };
}

/** Computes an activation for an operation that wants it stored: (N,C,H,W). */
export function materialize(tape: Tape, activation: Activation): Tensor {
  const { value, source, coefficients } = activation;
  const y = tape.transient(value.shape, value.label);
  tape.run(normalizeKernel(nchw(source), true), [source, coefficients], [y]);
  return tape.differentiable([value], y, (dy) => [dy]);
}

/** x (N,C,H,W) -> its batch norm, with `relu` its positive part, stored. */
export function batchNorm(
  tape: Tape,
  x: Tensor,
  tensors: BatchNormTensors,
  options: { mode: Mode; relu: boolean },
): Tensor {
  const { mode, relu } = options;
  const coefficients = recordCoefficients(tape, x, tensors, mode);
  const y = tape.transient(x.shape, `${tensors.gamma.label} output`);
  tape.run(normalizeKernel(nchw(x), relu), [x, coefficients], [y]);
  return recordGradient(tape, { x, coefficients, y, tensors, mode, relu });
}

/** x (N,C,H,W) -> its batch norm, stored, with the mean taken off first: see the kernel. */
export function centeredBatchNorm(
  tape: Tape,
  x: Tensor,
  tensors: BatchNormTensors,
  mode: Mode,
): Tensor {
  const coefficients = recordCoefficients(tape, x, tensors, mode);
  const y = tape.transient(x.shape, `${tensors.gamma.label} output`);
  tape.run(centeredNormalizeKernel(nchw(x)), [x, coefficients, tensors.beta], [y]);
  return recordGradient(tape, { x, coefficients, y, tensors, mode, relu: false });
}

/** Records the coefficients (4,C), in training mode those of the batch. */
function recordCoefficients(
  tape: Tape,
  x: Tensor,
  tensors: BatchNormTensors,
  mode: Mode,
): Tensor {
  const maps = nchw(x);
  const { gamma, beta, runningMean, runningVariance, constants } = tensors;
  for (const tensor of [gamma, beta, runningMean, runningVariance]) {
    expectShape(tensor, [maps.c], `normalise ${x.label}`);
  }
  const coefficients = tape.transient([4, maps.c], `coefficients of ${gamma.label}`);
  if (mode === "evaluation") {
    tape.run(
      evaluationCoefficientsKernel(maps.c, constants),
      [gamma, beta, runningMean, runningVariance],
      [coefficients],
      { once: true },
    );
    return coefficients;
  }
  const attached = attachedStatistics.get(x);
  let statistics = attached?.statistics;
  if (!statistics) {
    statistics = tape.transient([sweepParts(maps).parts, maps.c, 2], `statistics of ${x.label}`);
    tape.run(batchStatisticsKernel(maps), [x], [statistics]);
  }
  const from = attached ? equalStatisticsParts(attached) : sweepStatisticsParts(maps);
  tape.run(
    trainingCoefficientsKernel(maps, from, constants),
    [statistics, gamma, beta],
    [coefficients, runningMean, runningVariance],
  );
  return coefficients;
}

/** Leaves the rule for dx, dgamma and dbeta; y is the batch norm's result or stands for it. */
function recordGradient(
  tape: Tape,
  recorded: {
    x: Tensor;
    coefficients: Tensor;
    y: Tensor;
    tensors: BatchNormTensors;
    mode: Mode;
    relu: boolean;
  },
): Tensor {
  const { x, coefficients, y, tensors: { gamma, beta }, mode } = recorded;
  const maps = nchw(x);
  const training = mode === "training";
  return tape.differentiable([x, gamma, beta], y, (dy, backward) => {
    const attached = attachedSums.get(dy);
    const relu = recorded.relu && !attached;
    const dgamma = tape.transient([maps.c], `d ${gamma.label}`);
    const dbeta = tape.transient([maps.c], `d ${beta.label}`);
    if (training || backward.wanted(1) || backward.wanted(2)) {
      let sums = attached?.sums;
      if (!sums) {
        sums = tape.transient([sweepParts(maps).parts, maps.c, 2], `sums of ${gamma.label}`);
        tape.run(normalizeSumsKernel(maps, relu), [x, dy, coefficients], [sums]);
      }
      const parts = attached?.parts ?? sweepParts(maps).parts;
      tape.run(normalizeParameterGradientsKernel(maps.c, parts), [sums, coefficients], [
        dgamma,
        dbeta,
      ]);
    }
    let dx: Tensor | undefined;
    if (backward.wanted(0)) {
      const addend = backward.take(0);
      dx = tape.transient(x.shape, `d input of ${gamma.label}`);
      tape.run(
        normalizeGradientKernel(maps, { relu, training, addend: addend !== undefined }),
        [x, dy, coefficients, ...training ? [dgamma, dbeta] : [], ...addend ? [addend] : []],
        [dx],
      );
    }
    return [dx, backward.wanted(1) ? dgamma : undefined, backward.wanted(2) ? dbeta : undefined];
  });
}
