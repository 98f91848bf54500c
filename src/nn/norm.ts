/** A batch norm of a network whose tensors are named as PyTorch's modules name them. */

import { BATCH_NORM_DEFAULTS } from "../../shaders/batch_norm.ts";
import type { BatchNormConstants, BatchNormTensors } from "../tensor/operations/batch_norm.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { NormEntry, StateEntry } from "./architecture.ts";

/** The batch norm of module `name`, for example `block1.layer.0.bn1`. */
export function moduleNorm(
  name: string,
  constants: BatchNormConstants = BATCH_NORM_DEFAULTS,
): NormEntry {
  return {
    weight: `${name}.weight`,
    bias: `${name}.bias`,
    runningMean: `${name}.running_mean`,
    runningVariance: `${name}.running_var`,
    ...constants,
  };
}

/** The state of the batch norm of module `name` over C channels, in PyTorch's order. */
export function moduleNormEntries(name: string, channels: number): StateEntry[] {
  const entry = (part: string, kind: StateEntry["kind"], constant: number): StateEntry => ({
    name: `${name}.${part}`,
    shape: kind === "counter" ? [] : [channels],
    kind,
    initial: { constant },
  });
  return [
    entry("weight", "parameter", 1),
    entry("bias", "parameter", 0),
    entry("running_mean", "statistic", 0),
    entry("running_var", "statistic", 1),
    entry("num_batches_tracked", "counter", 0),
  ];
}

/** The tensors of a batch norm, as its operation takes them. */
export function normTensors(state: (name: string) => Tensor, norm: NormEntry): BatchNormTensors {
  return {
    gamma: state(norm.weight),
    beta: state(norm.bias),
    runningMean: state(norm.runningMean),
    runningVariance: state(norm.runningVariance),
    constants: norm,
  };
}
