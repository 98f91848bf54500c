/** A network's state in ordinary memory: fresh, or checked against an architecture. */

import { RandomPurpose, RandomStream } from "../data/random.ts";
import { ModelError } from "../errors.ts";
import { elementCount, type HostTensor, type StateDict } from "../formats/host_tensor.ts";
import { shown } from "../text/quoted.ts";
import type { Architecture, StateEntry } from "./architecture.ts";

/** A network's state and where it came from. */
export interface NamedState {
  /** What `state` is a state of. */
  readonly architecture: Architecture;
  /** Parameters and statistics by name. */
  readonly state: StateDict;
  /** For messages: a file name. */
  readonly source: string;
}

/** Names listed in an error message before it says how many more there are. */
const NAMES_SHOWN = 3;

/**
 * First values of every parameter and statistic, drawn from `seed`.
 *
 * @throws {ModelError} where the architecture has none.
 */
export function initialState(architecture: Architecture, seed: number): StateDict {
  const state: StateDict = new Map();
  for (const [i, { name, shape, kind, initial }] of architecture.entries.entries()) {
    const count = elementCount(shape);
    if (kind === "counter") {
      state.set(name, { dtype: "int64", shape, data: new BigInt64Array(count) });
      continue;
    }
    if (!initial) {
      throw new ModelError(
        `cannot train ${architecture.name} from scratch: ${name} has no first values; start from a ` +
          "trained model",
      );
    }
    const data = new Float32Array(count);
    if ("constant" in initial) {
      data.fill(initial.constant);
    } else {
      const random = new RandomStream(seed, RandomPurpose.parameters, i);
      for (let j = 0; j < count; j++) data[j] = initial.normal * random.normal();
    }
    state.set(name, { dtype: "float32", shape, data });
  }
  return state;
}

/**
 * Checks that `state` is a state of `architecture` with finite values. Counters
 * (`num_batches_tracked`) may be missing or hold anything: nothing computes with them. Constants that nothing reads may
 * hold anything.
 *
 * @param source The file, for messages.
 * @throws {ModelError} naming the first three missing, extra or misshapen tensors.
 */
export function checkState(architecture: Architecture, state: StateDict, source: string): void {
  const problems: string[] = [];
  const expected = new Map(architecture.entries.map((entry) => [entry.name, entry]));
  for (const [name, entry] of expected) {
    const found = state.get(name);
    if (!found) {
      if (entry.kind !== "counter" && !entry.unread) problems.push(`${name} is missing`);
    } else if (entry.kind === "counter") {
      if (elementCount(found.shape) !== 1) problems.push(`${name} is not a single number`);
    } else if (found.shape.join() !== entry.shape.join()) {
      problems.push(
        `${name} has shape [${found.shape.join(", ")}], expected [${entry.shape.join(", ")}]`,
      );
    } else if (found.dtype === "bool" && !entry.unread) {
      problems.push(`${name} holds bool values, expected numbers`);
    }
  }
  for (const name of state.keys()) {
    if (expected.has(name)) continue;
    const bias = convolutionOfBias(name, expected);
    problems.push(
      `${shown(name)} is not part of ${architecture.name}` +
        (bias ? ", whose convolutions have no biases but those of zero" : ""),
    );
  }
  if (problems.length > 0) {
    const more = problems.length - NAMES_SHOWN;
    throw new ModelError(
      `cannot load ${source} as ${architecture.name} with ${architecture.classes} classes: ` +
        problems.slice(0, NAMES_SHOWN).join("; ") + (more > 0 ? `; and ${more} more` : ""),
    );
  }
  const variances = new Set(architecture.norms.map(({ runningVariance }) => runningVariance));
  for (const [name, tensor] of state) {
    if (expected.get(name)?.unread || expected.get(name)?.kind === "counter") continue;
    const bad = floats(tensor).findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      throw new ModelError(
        `cannot use ${source}: element ${bad} of ${name} is ${floats(tensor)[bad]}, ` +
          "expected finite numbers",
      );
    }
    if (variances.has(name)) {
      const negative = floats(tensor).findIndex((value) => value < 0);
      if (negative >= 0) {
        throw new ModelError(
          `cannot use ${source}: element ${negative} of ${name} is ${floats(tensor)[negative]}, ` +
            "expected a variance of at least 0",
        );
      }
    }
  }
}

/** The weight (O,I,H,W) of the convolution that a tensor of this name would be the bias of. */
export function convolutionOfBias(
  name: string,
  entries: ReadonlyMap<string, StateEntry>,
): StateEntry | undefined {
  const weight = /\.bias$/.test(name) ? entries.get(name.replace(/bias$/, "weight")) : undefined;
  return weight?.shape.length === 4 ? weight : undefined;
}

/** The elements as float32, without a copy where they are that already. */
export function floats(tensor: HostTensor): Float32Array<ArrayBuffer> {
  return tensor.data instanceof Float32Array
    ? tensor.data
    : Float32Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** A state with other parameters and statistics; counters and constants stay. */
export function withValues(
  { entries }: Architecture,
  state: StateDict,
  valuesOf: (name: string, values: Float32Array<ArrayBuffer>) => Float32Array<ArrayBuffer>,
): StateDict {
  const changed = new Map(state);
  for (const { name, kind } of entries) {
    if (kind !== "parameter" && kind !== "statistic") continue;
    const tensor = state.get(name)!;
    changed.set(name, { ...tensor, dtype: "float32", data: valuesOf(name, floats(tensor)) });
  }
  return changed;
}
