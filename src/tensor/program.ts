/**
 * A recorded program: dead kernels dropped, memory shared by tensors that are never alive together,
 * pipelines and bind groups made once. Running it allocates nothing and waits for nothing.
 */

import { type BufferRange, type Dispatch, type Gpu, MAX_DISPATCHES } from "../gpu/gpu.ts";
import type { Scope } from "../gpu/scope.ts";
import type { Scratch } from "../gpu/scratch.ts";
import { type Step, Tape } from "./tape.ts";
import { size, storage, type Tensor } from "./tensor.ts";

/** Dispatches of a submission to a GPU while nothing is known of their speed. */
const CAUTIOUS_DISPATCHES = 16;

/** A program that is ready to run on one device, and the owner of its memory. */
export class Program implements Disposable {
  /** Seconds of one run, once somebody has measured it. */
  secondsPerRun: number | undefined;
  readonly #gpu: Gpu;
  readonly #once: readonly Dispatch[];
  readonly #dispatches: readonly Dispatch[];
  readonly #locations: ReadonlyMap<Tensor, BufferRange>;
  readonly #scope: Scope;

  /** Use {@linkcode buildProgram}. */
  constructor(
    gpu: Gpu,
    once: readonly Dispatch[],
    dispatches: readonly Dispatch[],
    /** The kernels of one run with their tensors, in the order of {@linkcode dispatches}. */
    readonly steps: readonly Step[],
    locations: ReadonlyMap<Tensor, BufferRange>,
    scope: Scope,
    /** Bytes of GPU memory that the program needs beside its inputs, shared scratch included. */
    readonly bytes: number,
  ) {
    this.#gpu = gpu;
    this.#once = once;
    this.#dispatches = dispatches;
    this.#locations = locations;
    this.#scope = scope;
  }

  /** Kernels started by one run. */
  get dispatches(): readonly Dispatch[] {
    return this.#dispatches;
  }

  /** Runs the kernels that depend on parameters only; needed before a run whenever those change. */
  prepare(): void {
    if (this.#once.length > 0) this.#gpu.submit(this.#once);
  }

  /** Submits `repetitions` runs, in pieces that no driver takes too long over. */
  run(repetitions = 1): void {
    this.#gpu.submit(this.#dispatches, repetitions, this.#submissionDispatches());
  }

  #submissionDispatches(): number {
    const { adapter: { software }, submissionSeconds } = this.#gpu;
    if (software) return MAX_DISPATCHES;
    if (this.secondsPerRun === undefined) return CAUTIOUS_DISPATCHES;
    const perDispatch = this.secondsPerRun / this.#dispatches.length;
    return Math.max(1, Math.min(MAX_DISPATCHES, Math.floor(submissionSeconds / perDispatch)));
  }

  /** Where a kept or located tensor lies. */
  location(tensor: Tensor): BufferRange {
    const range = this.#locations.get(storage(tensor));
    if (!range) throw new RangeError(`${tensor.label} is not part of the program or not kept`);
    return range;
  }

  /** Waits for the runs submitted so far and returns the value of a kept or located tensor. */
  async read(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
    const { buffer, offset } = this.location(tensor);
    const [bytes] = await this.#gpu.read({ buffer, offset, size: size(tensor) * 4 });
    return new Float32Array(bytes!);
  }

  /** Frees the program's memory. */
  [Symbol.dispose](): void {
    this.#scope[Symbol.dispose]();
  }
}

/** Makes a program of everything on the tape that a result or a located tensor depends on. */
export function buildProgram(gpu: Gpu, tape: Tape, scratch?: Scratch): Program {
  const steps = liveSteps(tape);
  using scope = gpu.scope();
  let bytes = 0;
  const locations = new Map<Tensor, BufferRange>();
  const own = (tensor: Tensor) => {
    const range = scope.buffer(size(tensor) * 4, tensor.label);
    bytes += range.size;
    locations.set(tensor, range);
    return range;
  };
  const perRun = steps.filter((step) => !step.once);
  const once = steps.filter((step) => step.once);
  for (const tensor of new Set(steps.flatMap((step) => [...step.reads, ...step.writes]))) {
    const location = tensor.location ?? tape.places.get(tensor);
    if (location) locations.set(tensor, location);
  }
  for (const [tensor, values] of tape.constants) {
    const read = tape.results.has(tensor) || steps.some((step) => step.reads.includes(tensor));
    if (read) gpu.write(own(tensor), values);
  }
  const written = new Set(steps.flatMap((step) => step.writes));
  for (const tensor of tape.results) {
    if (locations.has(tensor) || written.has(tensor)) continue;
    throw new RangeError(`${tensor.label} is kept, but no kernel writes it`);
  }
  const outliving = [...tape.results, ...once.flatMap((step) => step.writes)];
  for (const tensor of new Set(outliving)) if (!locations.has(tensor)) own(tensor);
  const assigned = assignSlots(perRun, locations);
  const slots = [...new Set(assigned.values())];
  const ranges = scratch?.claim(slots) ??
    slots.map((slot) => scope.buffer(slot.bytes, slot.label));
  for (const range of ranges) bytes += range.size;
  const slotRanges = new Map(slots.map((slot, i) => [slot, ranges[i]!]));
  for (const [tensor, slot] of assigned) locations.set(tensor, slotRanges.get(slot)!);
  const prepare = (step: Step) =>
    gpu.prepare(
      step.kernel,
      step.reads.map((tensor) => bound(locations, tensor)),
      step.writes.map((tensor) => bound(locations, tensor)),
    );
  const [first, repeated] = [once.map(prepare), perRun.map(prepare)];
  return new Program(gpu, first, repeated, perRun, locations, scope.move(), bytes);
}

/** A program with what its recording yielded, and the owner of all that the recording made. */
export interface Recorded<T> extends Disposable {
  /** Ready to run. */
  readonly program: Program;
  /** What `record` returned. */
  readonly outputs: T;
}

/**
 * Records and builds a program.
 *
 * @param record Appends to the tape; what it makes in the scope lives as long as the program.
 * @param scratch Memory for intermediate values, where programs share it.
 */
export function recordProgram<T>(
  gpu: Gpu,
  record: (tape: Tape, scope: Scope) => T,
  scratch?: Scratch,
): Recorded<T> {
  using scope = gpu.scope();
  const tape = new Tape(gpu.capabilities);
  const outputs = record(tape, scope);
  const program = scope.own(buildProgram(gpu, tape, scratch));
  const owner = scope.move();
  return { program, outputs, [Symbol.dispose]: () => owner[Symbol.dispose]() };
}

/** The steps that something read from outside depends on, in order. */
function liveSteps(tape: Tape): Step[] {
  const needed = new Set<Tensor>(tape.results);
  const live: Step[] = [];
  for (const step of tape.steps.toReversed()) {
    const outlives = (tensor: Tensor) => tensor.location || tape.places.has(tensor);
    if (!step.writes.some((tensor) => outlives(tensor) || needed.has(tensor))) continue;
    for (const tensor of step.reads) needed.add(tensor);
    live.push(step);
  }
  return live.reverse();
}

/** Memory that several tensors use one after the other; as large as the largest of them. */
interface Slot {
  bytes: number;
  /** Of the first of them. */
  readonly label: string;
}

/**
 * Gives each transient tensor a slot. A slot is free again after the last step that reads its
 * tensor; of the free slots the one that fits most closely is taken, else the largest is enlarged.
 */
function assignSlots(
  steps: readonly Step[],
  located: ReadonlyMap<Tensor, BufferRange>,
): Map<Tensor, Slot> {
  const lastUse = new Map<Tensor, number>();
  for (const [i, step] of steps.entries()) {
    for (const tensor of [...step.reads, ...step.writes]) lastUse.set(tensor, i);
  }
  const slots = new Map<Tensor, Slot>();
  const free = new Set<Slot>();
  for (const [i, step] of steps.entries()) {
    for (const tensor of step.writes) {
      if (located.has(tensor) || slots.has(tensor)) continue;
      const bytes = size(tensor) * 4;
      const fitting = [...free].sort((a, b) => a.bytes - b.bytes);
      const slot = fitting.find((candidate) => candidate.bytes >= bytes) ?? fitting.at(-1) ??
        { bytes, label: tensor.label };
      slot.bytes = Math.max(slot.bytes, bytes);
      free.delete(slot);
      slots.set(tensor, slot);
    }
    for (const tensor of new Set([...step.reads, ...step.writes])) {
      const slot = slots.get(tensor);
      if (slot && lastUse.get(tensor) === i) free.add(slot);
    }
  }
  return slots;
}

/** The exact range of a tensor, without the rest of a larger slot. */
function bound(locations: ReadonlyMap<Tensor, BufferRange>, tensor: Tensor): BufferRange {
  const range = locations.get(tensor);
  if (!range) {
    throw new RangeError(`${tensor.label} is read before any kernel has written it`);
  }
  return { buffer: range.buffer, offset: range.offset, size: size(tensor) * 4 };
}
