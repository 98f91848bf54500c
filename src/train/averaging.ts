/** The average of a network over the last part of its training, which is the network that is kept. */

import { averagingKernel } from "../../shaders/averaging.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Scope } from "../gpu/scope.ts";
import { flatLayout, type Model } from "../nn/model.ts";
import type { Tape } from "../tensor/tape.ts";
import { locatedTensor, type Tensor } from "../tensor/tensor.ts";

/** Share of a run's steps after which averaging begins: before, the average is the network itself. */
const START = 0.3;

/** Steps over which the decay rises to its full value, as in TensorFlow's moving average. */
const RISE = 10;

/**
 * Weights of the newest network in the average, one a step of an epoch: 1 before averaging begins,
 * then 1 - min(decay, n / (n + 10)) in its n-th step.
 */
export function averagingWeights(
  decay: number,
  { epoch, epochs, steps }: { epoch: number; epochs: number; steps: number },
): Float32Array<ArrayBuffer> {
  const first = Math.ceil(START * epochs * steps);
  return Float32Array.from({ length: steps }, (_, step) => {
    const n = epoch * steps + step - first;
    return n <= 0 ? 1 : 1 - Math.min(decay, n / (n + RISE));
  });
}

/** The part of a training step that averages. */
export interface AveragingSteps {
  /** Uploads the weights of an epoch. */
  startEpoch(gpu: Gpu, epoch: number, run: { decay: number; epochs: number }): void;
}

/** Records that `average` follows `model`, parameters and running statistics. */
export function recordAveraging(
  scope: Scope,
  tape: Tape,
  { model, average }: { model: Model; average: Model },
  { steps, state }: { steps: number; state: Tensor },
): AveragingSteps {
  const range = scope.buffer(steps * 4, "weights of the average");
  const weights = locatedTensor([steps], range, "weights of the average");
  for (const kind of ["parameter", "statistic"] as const) {
    const { elements } = flatLayout(model.architecture, kind);
    if (elements === 0) continue;
    const whole = (of: Model, label: string) =>
      locatedTensor([elements], kind === "parameter" ? of.parameters : of.statistics, label);
    tape.run(averagingKernel(elements, steps), [whole(model, "values"), weights, state], [
      whole(average, "average"),
    ]);
  }
  return {
    startEpoch(gpu, epoch, { decay, epochs }) {
      gpu.write(range, averagingWeights(decay, { epoch, epochs, steps }));
    },
  };
}
