/**
 * What a network is to the rest of the project: its state by name, how to record a forward pass, and
 * which parts of it others may ask for. Nothing outside `src/nn` knows a name of any network.
 */

import type { Tape } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { BatchNormConstants, Mode } from "../tensor/operations/batch_norm.ts";

/** A tensor of a network's state, as PyTorch's `state_dict` would hold it. */
export interface StateEntry {
  /** For example `block1.layer.0.bn1.running_mean`. */
  readonly name: string;
  /** Extents, outermost first; `[]` for a counter. */
  readonly shape: readonly number[];
  /**
   * `parameter` is trained; `statistic` is a running statistic of a batch norm; `counter` is
   * `num_batches_tracked`, an integer that nothing computes with; `constant` is kept as the file has
   * it, neither trained nor decayed nor averaged.
   */
  readonly kind: "parameter" | "statistic" | "counter" | "constant";
  /** Set for a constant that no forward pass reads: it never goes to the GPU. */
  readonly unread?: true;
  /** First values when trained from scratch; absent where the network only comes out of a file. */
  readonly initial?: { readonly normal: number } | { readonly constant: number };
}

/** A batch norm of a network: the names of its tensors, each (C), and its constants. */
export interface NormEntry extends BatchNormConstants {
  /** Scale, a parameter. */
  readonly weight: string;
  /** Shift, a parameter. */
  readonly bias: string;
  /** A statistic. */
  readonly runningMean: string;
  /** A statistic, at least 0. */
  readonly runningVariance: string;
}

/** The last layer of a network, which is linear: logits = features · weight + bias. */
export interface Head {
  /** Name of a parameter, (K,C). */
  readonly weight: string;
  /** Name of a parameter, (K); absent where the layer has none. */
  readonly bias?: string | undefined;
  /** The weight is stored as (C,K). */
  readonly transposed: boolean;
}

/** What a forward pass yields. */
export interface ForwardResult {
  /** (N,K) */
  readonly logits: Tensor;
  /** Activations (N,C,H,W) whose attention is distilled, in the order of the forward pass. */
  readonly taps: readonly Tensor[];
  /** What the head reads, (N,C); of a network without a head, what its logits are computed from. */
  readonly features: Tensor;
}

/** A network, independent of any device. */
export interface Architecture {
  /** For example `wrn-16-1`. */
  readonly name: string;
  /** Number of logits. */
  readonly classes: number;
  /** The one size of image that it takes, pixels; absent where it takes any. */
  readonly size?: { readonly height: number; readonly width: number } | undefined;
  /** All state, in PyTorch's order. */
  readonly entries: readonly StateEntry[];
  /** All batch norms, in the order of the forward pass. */
  readonly norms: readonly NormEntry[];
  /** The last layer, where it is linear. */
  readonly head?: Head | undefined;
  /**
   * The batch norm whose channels are the features, through ReLU and pooling, one for one: with a
   * weight and a bias of 0 a feature is 0, and stays so in training. Absent where it is not so, for
   * example because a residual is added behind the last norm.
   */
  readonly lastNorm?: NormEntry | undefined;
  /**
   * Records the network on a batch x (N,3,H,W).
   *
   * @param state The tensor of each parameter, statistic and constant that is read, by name.
   */
  forward(tape: Tape, state: (name: string) => Tensor, x: Tensor, mode: Mode): ForwardResult;
}

/** Number of trained values. */
export function parameterCount(architecture: Architecture): number {
  return architecture.entries
    .filter((entry) => entry.kind === "parameter")
    .reduce((sum, entry) => sum + entry.shape.reduce((product, extent) => product * extent, 1), 0);
}
