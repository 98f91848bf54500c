/** Batch normalisation, with an optional ReLU behind it. */

import {
  batchStatisticsKernel,
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
}

/**
 * `training` normalises by the statistics of the batch and updates the running ones; `evaluation`
 * normalises by the running ones.
 */
export type Mode = "training" | "evaluation";

/**
 * x (N,C,H,W) -> y of the same shape; with `relu` its positive part.
 *
 * In evaluation mode the coefficients depend on parameters only, so they are computed once
 * (`Program.prepare`).
 *
 * @throws {RangeError} where a tensor is not (C).
 */
export function batchNorm(
  tape: Tape,
  x: Tensor,
  tensors: BatchNormTensors,
  options: { mode: Mode; relu: boolean },
): Tensor {
  const maps = nchw(x);
  const { gamma, beta, runningMean, runningVariance } = tensors;
  for (const tensor of [gamma, beta, runningMean, runningVariance]) {
    expectShape(tensor, [maps.c], `normalise ${x.label}`);
  }
  const training = options.mode === "training";
  const { relu } = options;
  const coefficients = tape.transient([4, maps.c], `coefficients of ${gamma.label}`);
  if (training) {
    const from = sweepStatisticsParts(maps);
    const statistics = tape.transient([from.parts, maps.c, 2], `statistics of ${x.label}`);
    tape.run(batchStatisticsKernel(maps), [x], [statistics]);
    tape.run(trainingCoefficientsKernel(maps, from), [statistics, gamma, beta], [
      coefficients,
      runningMean,
      runningVariance,
    ]);
  } else {
    tape.run(
      evaluationCoefficientsKernel(maps.c),
      [gamma, beta, runningMean, runningVariance],
      [coefficients],
      { once: true },
    );
  }
  const y = tape.transient(x.shape, `${gamma.label} output`);
  tape.run(normalizeKernel(maps, relu), [x, coefficients], [y]);

  return tape.differentiable([x, gamma, beta], y, (dy, backward) => {
    const parametersWanted = backward.wanted(1) || backward.wanted(2);
    const dgamma = tape.transient([maps.c], `d ${gamma.label}`);
    const dbeta = tape.transient([maps.c], `d ${beta.label}`);
    if (training || parametersWanted) {
      const { parts } = sweepParts(maps);
      const sums = tape.transient([parts, maps.c, 2], `gradient sums of ${gamma.label}`);
      tape.run(normalizeSumsKernel(maps, relu), [x, dy, coefficients], [sums]);
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
    return [dx, dgamma, dbeta];
  });
}
