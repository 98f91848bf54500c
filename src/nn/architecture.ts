/** What a network is to the rest of the project: names, shapes, and how to record a forward pass. */

import type { Tape } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Mode } from "../tensor/operations/batch_norm.ts";

/** A tensor of a network's state, as PyTorch's `state_dict` would hold it. */
export interface StateEntry {
  /** For example `block1.layer.0.bn1.running_mean`. */
  readonly name: string;
  /** `[]` for a counter. */
  readonly shape: readonly number[];
  /**
   * `parameter` is trained; `statistic` is a running statistic of a batch norm; `counter` is
   * `num_batches_tracked`, an integer that nothing computes with.
   */
  readonly kind: "parameter" | "statistic" | "counter";
  /** First values when trained from scratch. */
  readonly initial: { normal: number } | { constant: number };
}

/** What a forward pass yields. */
export interface ForwardResult {
  /** (N,K) */
  readonly logits: Tensor;
  /** Activations whose attention is distilled, the paper's three for a WideResNet. */
  readonly taps: readonly Tensor[];
}

/** A network, independent of any device. */
export interface Architecture {
  /** For example `wrn-16-1`. */
  readonly name: string;
  /** Number of logits. */
  readonly classes: number;
  /** All state, in PyTorch's order. */
  readonly entries: readonly StateEntry[];
  /**
   * Records the network on a batch x (N,3,H,W).
   *
   * @param state The tensor of each parameter and statistic, by name.
   */
  forward(tape: Tape, state: (name: string) => Tensor, x: Tensor, mode: Mode): ForwardResult;
}

/** Number of trained values. */
export function parameterCount(architecture: Architecture): number {
  return architecture.entries
    .filter((entry) => entry.kind === "parameter")
    .reduce((sum, entry) => sum + entry.shape.reduce((product, extent) => product * extent, 1), 0);
}
