/** The last layer of a network in ordinary memory, whichever way it is stored. */

import { ModelError } from "../errors.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import type { Architecture } from "./architecture.ts";
import { floats } from "./state.ts";

/** Values of a last layer: logits = features weightᵀ + bias. */
export interface HeadValues {
  /** (K,C) */
  readonly weight: Float32Array<ArrayBuffer>;
  /** (K) */
  readonly bias: Float32Array<ArrayBuffer>;
  /** C */
  readonly channels: number;
}

/**
 * The values of the last layer in a state of `architecture`.
 *
 * @throws {ModelError} where the network does not end in a linear layer.
 */
export function headValues(architecture: Architecture, state: StateDict): HeadValues {
  const { head, classes } = architecture;
  if (!head) {
    throw new ModelError(
      `cannot tell features of ${architecture.name} apart: it does not end in a linear layer`,
    );
  }
  const stored = floats(state.get(head.weight)!);
  const channels = stored.length / classes;
  const weight = head.transposed
    ? stored.map((_, i) => stored[i % channels * classes + Math.floor(i / channels)]!)
    : stored;
  const bias = head.bias ? floats(state.get(head.bias)!) : new Float32Array(classes);
  return { weight, bias, channels };
}
