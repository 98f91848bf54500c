/**
 * A recorded program: dead kernels dropped, memory shared by tensors that are never alive together,
 * pipelines and bind groups made once. Running it allocates nothing and waits for nothing.
 */

import type { BufferRange, Dispatch, Gpu } from "../gpu/gpu.ts";
import type { Step, Tape } from "./tape.ts";
import { size, type Tensor } from "./tensor.ts";

/** A program that is ready to run on one device. */
export class Program {
  readonly #gpu: Gpu;
  readonly #once: readonly Dispatch[];
  readonly #dispatches: readonly Dispatch[];
  readonly #locations: ReadonlyMap<Tensor, BufferRange>;
  readonly #owned: readonly BufferRange[];

  /** Use {@linkcode buildProgram}. */
  constructor(
    gpu: Gpu,
    once: readonly Dispatch[],
    dispatches: readonly Dispatch[],
    /** The kernels of one run with their tensors, in the order of {@linkcode dispatches}. */
    readonly steps: readonly Step[],
    locations: ReadonlyMap<Tensor, BufferRange>,
    owned: readonly BufferRange[],
  ) {
    this.#gpu = gpu;
    this.#once = once;
    this.#dispatches = dispatches;
    this.#locations = locations;
    this.#owned = owned;
  }

  /** Kernels started by one run. */
  get dispatches(): readonly Dispatch[] {
    return this.#dispatches;
  }

  /** Bytes of GPU memory that the program itself holds. */
  get bytes(): number {
    return this.#owned.reduce((sum, range) => sum + range.size, 0);
  }

  /** Runs the kernels that depend on parameters only; needed before a run whenever those change. */
  prepare(): void {
    if (this.#once.length > 0) this.#gpu.submit(this.#once);
  }

  /** Submits `repetitions` runs. */
  run(repetitions = 1): void {
    this.#gpu.submit(this.#dispatches, repetitions);
  }

  /** Where a kept or located tensor lies. */
  location(tensor: Tensor): BufferRange {
    const range = this.#locations.get(tensor);
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
  destroy(): void {
    for (const range of this.#owned) this.#gpu.destroyBuffer(range);
  }
}

/** Makes a program of everything on the tape that a result or a located tensor depends on. */
export function buildProgram(gpu: Gpu, tape: Tape): Program {
  const steps = liveSteps(tape);
  const owned: BufferRange[] = [];
  const locations = new Map<Tensor, BufferRange>();
  const own = (bytes: number, label: string) => {
    const range = gpu.createBuffer(bytes, label);
    owned.push(range);
    return range;
  };
  try {
    const perRun = steps.filter((step) => !step.once);
    const once = steps.filter((step) => step.once);
    for (const tensor of new Set(steps.flatMap((step) => [...step.reads, ...step.writes]))) {
      const location = tensor.location ?? tape.places.get(tensor);
      if (location) locations.set(tensor, location);
    }
    for (const [tensor, values] of tape.constants) {
      const read = tape.results.has(tensor) || steps.some((step) => step.reads.includes(tensor));
      if (!read) continue;
      const range = own(size(tensor) * 4, tensor.label);
      gpu.write(range, values);
      locations.set(tensor, range);
    }
    const written = new Set(steps.flatMap((step) => step.writes));
    for (const tensor of tape.results) {
      if (locations.has(tensor) || written.has(tensor)) continue;
      throw new RangeError(`${tensor.label} is kept, but no kernel writes it`);
    }
    const outliving = [...tape.results, ...once.flatMap((step) => step.writes)];
    for (const tensor of new Set(outliving)) {
      if (!locations.has(tensor)) locations.set(tensor, own(size(tensor) * 4, tensor.label));
    }
    for (const [tensor, slot] of assignSlots(perRun, locations)) {
      slot.range ??= own(slot.bytes, tensor.label);
      locations.set(tensor, slot.range);
    }
    const prepare = (step: Step) =>
      gpu.prepare(
        step.kernel,
        step.reads.map((tensor) => bound(locations, tensor)),
        step.writes.map((tensor) => bound(locations, tensor)),
      );
    return new Program(gpu, once.map(prepare), perRun.map(prepare), perRun, locations, owned);
  } catch (error) {
    for (const range of owned) gpu.destroyBuffer(range);
    throw error;
  }
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
  range?: BufferRange;
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
        { bytes };
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
