/**
 * A network's state on the GPU: all parameters in one buffer, all running statistics in another and
 * constants in a third, so that the optimiser is one kernel and a checkpoint is a walk over names.
 */

import type { StateDict } from "../formats/host_tensor.ts";
import { elementCount } from "../formats/host_tensor.ts";
import { type BufferRange, type Gpu, RANGE_ALIGNMENT } from "../gpu/gpu.ts";
import type { Mode } from "../tensor/operations/batch_norm.ts";
import type { Tape } from "../tensor/tape.ts";
import { locatedTensor, type Tensor } from "../tensor/tensor.ts";
import type { Architecture, ForwardResult, StateEntry } from "./architecture.ts";
import { checkState, floats } from "./state.ts";

/** Where each tensor of one kind lies in a flat buffer. */
export interface FlatLayout {
  /** Float32 elements of the whole buffer, padding included. */
  readonly elements: number;
  /** First element of each tensor, by name. */
  readonly offsets: ReadonlyMap<string, number>;
}

/** Lays out all tensors of a kind one after the other, each at an offset that can be bound. */
export function flatLayout(architecture: Architecture, kind: StateEntry["kind"]): FlatLayout {
  const offsets = new Map<string, number>();
  const unit = RANGE_ALIGNMENT / 4;
  let elements = 0;
  for (const entry of architecture.entries) {
    if (entry.kind !== kind || entry.unread) continue;
    offsets.set(entry.name, elements);
    elements += Math.ceil(elementCount(entry.shape) / unit) * unit;
  }
  return { elements, offsets };
}

/** A network with its state on one device; disposing of it frees its GPU memory. */
export interface Model extends Disposable {
  /** What the state is a state of. */
  readonly architecture: Architecture;
  /** All parameters, laid out by {@linkcode flatLayout}. */
  readonly parameters: BufferRange;
  /** All running means and variances. */
  readonly statistics: BufferRange;
  /** All constants that a forward pass reads, where there are any. */
  readonly constants: BufferRange | undefined;
  /** The tensor of each parameter, statistic and constant that is read, by name. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** `num_batches_tracked` of every batch norm: training steps since initialisation. */
  batchesTracked: bigint;
  /** All constants as the file has them, those that nothing reads included. */
  kept: StateDict;
}

/**
 * Uploads a state.
 *
 * @param source Where the state came from, for messages.
 * @throws {ModelError} where it does not fit the architecture.
 */
export function loadModel(
  gpu: Gpu,
  architecture: Architecture,
  state: StateDict,
  source: string,
): Model {
  checkState(architecture, state, source);
  using scope = gpu.scope();
  const allocate = (kind: StateEntry["kind"], what: string) =>
    scope.buffer(flatLayout(architecture, kind).elements * 4, `${what} of ${source}`);
  const tensors = new Map<string, Tensor>();
  const locate = (kind: StateEntry["kind"], { buffer }: BufferRange) => {
    const { offsets } = flatLayout(architecture, kind);
    for (const { name, shape } of architecture.entries) {
      const first = offsets.get(name);
      if (first === undefined) continue;
      const location = { buffer, offset: first * 4, size: elementCount(shape) * 4 };
      tensors.set(name, locatedTensor(shape, location, name));
    }
  };
  const parameters = allocate("parameter", "parameters");
  locate("parameter", parameters);
  const statistics = allocate("statistic", "statistics");
  locate("statistic", statistics);
  const reads = flatLayout(architecture, "constant").elements > 0;
  const constants = reads ? allocate("constant", "constants") : undefined;
  if (constants) locate("constant", constants);
  const model: Model = {
    architecture,
    parameters,
    statistics,
    constants,
    tensors,
    batchesTracked: 0n,
    kept: new Map(),
    [Symbol.dispose]: () => memory[Symbol.dispose](),
  };
  writeModel(gpu, model, state, source);
  const memory = scope.move();
  return model;
}

/** A counter as an integer: averaging leaves fractions, and other writers what they like. */
function wholeNumber(value: number | bigint): bigint {
  if (typeof value === "bigint") return value;
  const largest = Number.MAX_SAFE_INTEGER;
  return BigInt(Math.round(Math.min(Math.max(value || 0, -largest), largest)));
}

/** Replaces the state of a model; {@linkcode loadModel} says what is checked. */
export function writeModel(gpu: Gpu, model: Model, state: StateDict, source: string): void {
  checkState(model.architecture, state, source);
  for (const [name, tensor] of model.tensors) gpu.write(tensor.location!, floats(state.get(name)!));
  const counter = model.architecture.entries.find((entry) => entry.kind === "counter");
  const tracked = counter && state.get(counter.name);
  model.batchesTracked = wholeNumber(tracked?.data[0] ?? 0);
  model.kept = new Map();
  for (const { name, kind } of model.architecture.entries) {
    const tensor = kind === "constant" && state.get(name);
    if (tensor) model.kept.set(name, tensor);
  }
}

/** Waits for submitted work and downloads the state, in PyTorch's order. */
export async function readModel(gpu: Gpu, model: Model): Promise<StateDict> {
  const [parameters, statistics] = await gpu.read(model.parameters, model.statistics);
  const state: StateDict = new Map();
  const layouts = {
    parameter: { ...flatLayout(model.architecture, "parameter"), bytes: parameters! },
    statistic: { ...flatLayout(model.architecture, "statistic"), bytes: statistics! },
  };
  for (const { name, shape, kind } of model.architecture.entries) {
    if (kind === "counter") {
      state.set(name, { dtype: "int64", shape, data: BigInt64Array.of(model.batchesTracked) });
      continue;
    }
    if (kind === "constant") {
      const tensor = model.kept.get(name);
      if (tensor) state.set(name, tensor);
      continue;
    }
    const { offsets, bytes } = layouts[kind];
    const data = new Float32Array(bytes, offsets.get(name)! * 4, elementCount(shape)).slice();
    state.set(name, { dtype: "float32", shape, data });
  }
  return state;
}

/** Records the model on a batch x (N,3,H,W), with its own parameters. */
export function recordForward(tape: Tape, model: Model, x: Tensor, mode: Mode): ForwardResult {
  return model.architecture.forward(tape, tensorLookup(model), x, mode);
}

/** The tensor of a name, as `Architecture.forward` asks for it. */
export function tensorLookup(model: Model): (name: string) => Tensor {
  return (name) => {
    const tensor = model.tensors.get(name);
    if (!tensor) throw new RangeError(`${model.architecture.name} has no tensor ${name}`);
    return tensor;
  };
}
