/**
 * Recording: operations append kernels to a tape, and reverse-mode differentiation appends more.
 * Nothing runs here; {@linkcode buildProgram} turns a tape into something that does.
 *
 * Differentiation follows Griewank & Walther, "Evaluating Derivatives" (2008), chapter 3: each
 * operation leaves a rule that maps the gradient of its output to gradients of its inputs, and the
 * rules are applied in reverse order of recording.
 */

import type { Kernel } from "../../shaders/kernel.ts";
import type { KernelCapabilities } from "../../shaders/kernel.ts";
import type { BufferRange } from "../gpu/gpu.ts";
import { addKernel } from "../../shaders/elementwise.ts";
import { sumPartsKernel } from "../../shaders/reduction.ts";
import type { ElementType, Shape, Tensor } from "./tensor.ts";
import { size, storage } from "./tensor.ts";

/** A kernel and the tensors that it reads and writes. */
export interface Step {
  /** What to run. */
  readonly kernel: Kernel;
  /** Its inputs, in the order of its bindings. */
  readonly reads: readonly Tensor[];
  /** Its outputs, in the order of its bindings. */
  readonly writes: readonly Tensor[];
  /** Depends on parameters only, so one run serves until they change (see `Program.prepare`). */
  readonly once: boolean;
}

/** What a backward rule may ask while it records the gradients of its operation's inputs. */
export interface Backward {
  /** True where the gradient of input `i` is wanted; a rule returns `undefined` for the others. */
  wanted(i: number): boolean;
  /**
   * The gradient that later operations have already sent to input `i`, which the rule must then
   * include in what it returns: saves the kernel that would add the two.
   */
  take(i: number): Tensor | undefined;
  /**
   * True where this operation is the last to send a gradient to input `i`, so that what it returns,
   * with what it took, is all of it, and where none but the rule of input `i` will read it.
   */
  completes(i: number): boolean;
}

/** Records the gradients of an operation's inputs, given that of its output. */
export type BackwardRule = (
  outputGradient: Tensor,
  backward: Backward,
) => readonly (Tensor | undefined)[];

interface Entry {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly rule: BackwardRule;
}

/** A scalar to differentiate and the factor with which it counts. */
export interface WeightedLoss {
  /** A scalar, `[1]`. */
  readonly loss: Tensor;
  /** Factor in the sum; a loss of weight 0 is left out. */
  readonly weight: number;
}

/** A recording in progress. */
export class Tape {
  /** Everything recorded so far, in order. */
  readonly steps: Step[] = [];
  /** Values that the program uploads before its first run. */
  readonly constants: Map<Tensor, Float32Array<ArrayBuffer>> = new Map();
  /** Tensors whose final value is read from outside the program. */
  readonly results: Set<Tensor> = new Set();
  /** Where computed tensors must end up, for example in the flat buffer of all gradients. */
  readonly places: Map<Tensor, BufferRange> = new Map();
  readonly #entries: Entry[] = [];
  /** Tensors with more than one place, each of which gets a copy. */
  readonly #copied = new Set<Tensor>();

  /** Kernels are chosen for what the device offers. */
  constructor(
    /** What kernels may use. */
    readonly capabilities: KernelCapabilities,
  ) {}

  /** A new transient tensor, to be written by one kernel. */
  transient(shape: Shape, label: string, type: ElementType = "f32"): Tensor {
    return { shape, type, label };
  }

  /** A tensor with a fixed value. */
  constant(shape: Shape, values: Float32Array<ArrayBuffer>, label: string): Tensor {
    const tensor = { shape, type: "f32" as const, label };
    if (size(tensor) !== values.length) {
      throw new RangeError(`${label}: ${values.length} values for [${shape.join(", ")}]`);
    }
    this.constants.set(tensor, values);
    return tensor;
  }

  /** x in another shape with as many elements: the same memory, no kernel. */
  view(x: Tensor, shape: Shape): Tensor {
    const { type, label, location } = x;
    const y = { shape, type, label, base: storage(x), ...location && { location } };
    if (size(y) !== size(x)) {
      throw new RangeError(`cannot view ${label} [${x.shape.join(", ")}] as [${shape.join(", ")}]`);
    }
    return this.differentiable([x], y, (dy) => [this.view(dy, x.shape)]);
  }

  /** Keeps the memory of a transient tensor to itself, so that it can be read after a run. */
  keep<T extends Tensor>(tensor: T): T {
    this.results.add(storage(tensor));
    return tensor;
  }

  /**
   * Makes the kernel that computes `tensor` write into `location`. A constant, or what is placed more
   * than once, as a gradient that two parameters share, is copied to each place.
   */
  place(tensor: Tensor, location: BufferRange): void {
    const owner = storage(tensor);
    if (owner.location) {
      throw new RangeError(`cannot place ${tensor.label}: it has a place for good`);
    }
    const earlier = this.places.get(owner);
    if (!earlier && !this.constants.has(owner) && !this.#copied.has(owner)) {
      this.places.set(owner, location);
      return;
    }
    // Not from one place to the other: they may lie in one buffer, which no kernel reads and writes.
    if (earlier) this.#copy(owner, earlier);
    this.#copy(owner, location);
    this.places.delete(owner);
    this.#copied.add(owner);
  }

  /** Appends a kernel. */
  run(
    kernel: Kernel,
    reads: readonly Tensor[],
    writes: readonly Tensor[],
    options: { once?: boolean } = {},
  ): void {
    const once = options.once ?? false;
    this.steps.push({ kernel, reads: reads.map(storage), writes: writes.map(storage), once });
  }

  /** Leaves the rule by which gradients pass from `output` back to `inputs`. */
  differentiable(inputs: readonly Tensor[], output: Tensor, rule: BackwardRule): Tensor {
    this.#entries.push({ inputs, output, rule });
    return output;
  }

  /**
   * Records the gradients of a weighted sum of scalar losses with respect to `sources`, which may
   * be parameters, inputs, or anything between.
   *
   * @throws {RangeError} where a loss is no scalar or a source reaches none of the losses.
   */
  gradients(losses: readonly WeightedLoss[], sources: readonly Tensor[]): Tensor[] {
    const wanted = new Set<Tensor>(sources);
    for (const { inputs, output } of this.#entries) {
      if (inputs.some((input) => wanted.has(input))) wanted.add(output);
    }
    const weights = new Map<Tensor, number>();
    for (const { loss, weight } of losses) {
      if (size(loss) !== 1) {
        throw new RangeError(`cannot differentiate ${loss.label}: it is no scalar`);
      }
      weights.set(loss, (weights.get(loss) ?? 0) + weight);
    }
    const gradients = new Map<Tensor, Tensor>();
    for (const [loss, weight] of weights) {
      if (weight === 0) continue;
      gradients.set(loss, this.constant([1], new Float32Array([weight]), `d ${loss.label}`));
    }
    const firstUse = new Map<Tensor, Entry>();
    for (const entry of this.#entries) {
      for (const input of entry.inputs) {
        if (!firstUse.has(input)) firstUse.set(input, entry);
      }
    }
    for (const entry of this.#entries.toReversed()) {
      const { inputs, output, rule } = entry;
      const outputGradient = gradients.get(output);
      if (!outputGradient || !inputs.some((input) => wanted.has(input))) continue;
      const results = rule(outputGradient, {
        wanted: (i) => wanted.has(inputs[i]!),
        take: (i) => {
          const earlier = gradients.get(inputs[i]!);
          gradients.delete(inputs[i]!);
          return earlier;
        },
        completes: (i) =>
          firstUse.get(inputs[i]!) === entry && !sources.includes(inputs[i]!) &&
          inputs.filter((input) => input === inputs[i]).length === 1,
      });
      for (const [i, gradient] of results.entries()) {
        if (!gradient || !wanted.has(inputs[i]!)) continue;
        const earlier = gradients.get(inputs[i]!);
        gradients.set(inputs[i]!, earlier ? this.#add(earlier, gradient) : gradient);
      }
    }
    return sources.map((source) => {
      const gradient = gradients.get(source);
      if (!gradient) {
        throw new RangeError(`cannot differentiate: no loss depends on ${source.label}`);
      }
      return gradient;
    });
  }

  #copy(tensor: Tensor, location: BufferRange): void {
    const copy = this.transient(tensor.shape, tensor.label);
    // The sum of one part.
    this.run(sumPartsKernel(1, size(tensor)), [tensor], [copy]);
    this.places.set(copy, location);
  }

  #add(a: Tensor, b: Tensor): Tensor {
    const sum = this.transient(a.shape, a.label);
    this.run(addKernel(size(a)), [a, b], [sum]);
    return sum;
  }
}
