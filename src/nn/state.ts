/** A network's state in ordinary memory: fresh, checked against an architecture, or inferred. */

import { RandomPurpose, RandomStream } from "../data/random.ts";
import { ModelError, UsageError } from "../errors.ts";
import { elementCount, type HostTensor, type StateDict } from "../formats/host_tensor.ts";
import type { Architecture } from "./architecture.ts";
import { wideResNet } from "./wide_resnet.ts";

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

/** First values of every parameter and statistic, drawn from `seed`. */
export function initialState(architecture: Architecture, seed: number): StateDict {
  const state: StateDict = new Map();
  for (const [i, { name, shape, kind, initial }] of architecture.entries.entries()) {
    const count = elementCount(shape);
    if (kind === "counter") {
      state.set(name, { dtype: "int64", shape, data: new BigInt64Array(count) });
      continue;
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
 * (`num_batches_tracked`) may be missing: nothing computes with them.
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
      if (entry.kind !== "counter") problems.push(`${name} is missing`);
    } else if (found.shape.join() !== entry.shape.join()) {
      problems.push(
        `${name} has shape [${found.shape.join(", ")}], expected [${entry.shape.join(", ")}]`,
      );
    } else if (found.dtype === "bool") {
      problems.push(`${name} holds bool values, expected numbers`);
    }
  }
  for (const name of state.keys()) {
    if (!expected.has(name)) problems.push(`${name} is not part of ${architecture.name}`);
  }
  if (problems.length > 0) {
    const more = problems.length - NAMES_SHOWN;
    throw new ModelError(
      `cannot load ${source} as ${architecture.name} with ${architecture.classes} classes: ` +
        problems.slice(0, NAMES_SHOWN).join("; ") + (more > 0 ? `; and ${more} more` : ""),
    );
  }
  for (const [name, tensor] of state) {
    const bad = floats(tensor).findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      throw new ModelError(
        `cannot use ${source}: element ${bad} of ${name} is ${floats(tensor)[bad]}, ` +
          "expected finite numbers",
      );
    }
    if (expected.get(name)?.kind === "statistic" && name.endsWith("running_var")) {
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

/** The elements as float32, without a copy where they are that already. */
export function floats(tensor: HostTensor): Float32Array<ArrayBuffer> {
  return tensor.data instanceof Float32Array
    ? tensor.data
    : Float32Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** A state with other values; counters, which are whole numbers, stay. */
export function withValues(
  state: StateDict,
  valuesOf: (name: string, values: Float32Array<ArrayBuffer>) => Float32Array<ArrayBuffer>,
): StateDict {
  return new Map(
    [...state].map(([name, tensor]) =>
      tensor.dtype === "int64"
        ? [name, tensor]
        : [name, { ...tensor, data: valuesOf(name, floats(tensor)) }]
    ),
  );
}

/**
 * Finds the WideResNet whose state this is: depth from the number of blocks, width and classes from
 * shapes.
 *
 * @throws {ModelError} where the names are not those of a WideResNet.
 */
export function inferArchitecture(state: StateDict, source: string): Architecture {
  const shape = (name: string) => state.get(name)?.shape;
  const blocks = new Set(
    [...state.keys()].map((name) => /^block1\.layer\.(\d+)\./.exec(name)?.[1]).filter(Boolean),
  ).size;
  const channels = shape("fc.weight")?.[1];
  const classes = shape("fc.weight")?.[0];
  if (!shape("conv1.weight") || blocks === 0 || !channels || !classes) {
    const names = [...state.keys()].slice(0, NAMES_SHOWN).join(", ") || "no tensors";
    throw new ModelError(
      `cannot tell the architecture of ${source}: found ${names}; expected a WideResNet with ` +
        "conv1.weight, block1.layer.0.conv1.weight and fc.weight",
    );
  }
  if (channels % 64 !== 0 || classes < 2) {
    throw new ModelError(
      `cannot tell the architecture of ${source}: fc.weight has shape ` +
        `[${classes}, ${channels}], expected a multiple of 64 inputs and 2 or more outputs`,
    );
  }
  return wideResNet(6 * blocks + 4, channels / 64, classes);
}

/**
 * The architecture of a name like `wrn-16-1`.
 *
 * @throws {UsageError} for any other text.
 */
export function namedArchitecture(name: string, classes: number): Architecture {
  const match = /^wrn-(\d+)-(\d+)$/.exec(name);
  if (!match) {
    throw new UsageError(
      `cannot build architecture "${name}": expected wrn-DEPTH-WIDTH, for example wrn-16-1`,
    );
  }
  return wideResNet(Number(match[1]), Number(match[2]), classes);
}
