/** Runs operations on plain arrays: what a test records is built, run once, read and freed. */

import { buildProgram } from "../../src/tensor/program.ts";
import { Tape } from "../../src/tensor/tape.ts";
import { locatedTensor, type Shape, type Tensor } from "../../src/tensor/tensor.ts";
import { gpu } from "../gpu/device.ts";
import { elements, normalValues } from "../reference/values.ts";
import { weightedSum } from "./weighted_sum.ts";

/** Elements of a tensor that a test starts from. */
export type Values =
  | Float32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>;

/** A tensor's shape and elements. */
export interface Input {
  readonly shape: Shape;
  readonly values: Values;
}

/** An input of normal numbers. */
export function normalInput(shape: Shape, seed: number): Input & { values: Float32Array } {
  return { shape, values: normalValues(elements(shape), seed) };
}

/** Tensors that lie in buffers of their own, with the given elements. */
export function upload(inputs: readonly Input[]): Tensor[] {
  return inputs.map(({ shape, values }, i) => {
    const range = gpu.createBuffer(values.byteLength, `input ${i}`);
    gpu.write(range, values);
    return locatedTensor(
      shape,
      range,
      `input ${i}`,
      values instanceof Float32Array ? "f32" : "u32",
    );
  });
}

/** Frees what {@linkcode upload} made. */
export function free(tensors: readonly Tensor[]): void {
  for (const { location } of tensors) if (location) gpu.destroyBuffer(location);
}

/** What {@linkcode evaluate} found. */
export interface Evaluated {
  /** Elements of every returned tensor; for u32 see {@linkcode wholeNumbers}. */
  readonly outputs: Float32Array<ArrayBuffer>[];
  /** Labels of the kernels that a run starts. */
  readonly kernels: string[];
}

/** Records `record` on the inputs, runs it once and reads every tensor that it returns. */
export async function evaluate(
  inputs: readonly Input[],
  record: (tape: Tape, ...inputs: Tensor[]) => readonly Tensor[],
): Promise<Evaluated> {
  const tape = new Tape(gpu.capabilities);
  const tensors = upload(inputs);
  try {
    const outputs = record(tape, ...tensors);
    for (const output of outputs) if (!output.location) tape.keep(output);
    const program = buildProgram(gpu, tape);
    try {
      program.prepare();
      program.run();
      const read = await gpu.read(...outputs.map((output) => {
        const { buffer, offset } = program.location(output);
        return { buffer, offset, size: elements(output.shape) * 4 };
      }));
      return {
        outputs: read.map((bytes) => new Float32Array(bytes)),
        kernels: program.dispatches.map(({ label }) => label),
      };
    } finally {
      program[Symbol.dispose]();
    }
  } finally {
    free(tensors);
  }
}

/** The bits of a tensor that was read as float32. */
export function wholeNumbers(bits: Float32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  return new Uint32Array(bits.buffer, bits.byteOffset, bits.length);
}

/** An operation's result and the gradients of Σ result weights. */
export interface Differentiated {
  readonly y: Float32Array<ArrayBuffer>;
  readonly weights: Float32Array<ArrayBuffer>;
  /** One for each of the inputs asked for, in that order. */
  readonly gradients: Float32Array<ArrayBuffer>[];
}

/** Runs an operation and its backward rule, with random weights on its result. */
export async function differentiate(
  inputs: readonly Input[],
  operation: (tape: Tape, ...inputs: Tensor[]) => Tensor,
  sources: readonly number[] = inputs.map((_, i) => i),
): Promise<Differentiated> {
  let weights: Float32Array<ArrayBuffer> | undefined;
  const { outputs } = await evaluate(inputs, (tape, ...tensors) => {
    const y = operation(tape, ...tensors);
    weights = normalValues(elements(y.shape), 77);
    const loss = weightedSum(tape, y, weights);
    return [y, ...tape.gradients([{ loss, weight: 1 }], sources.map((i) => tensors[i]!))];
  });
  return { y: outputs[0]!, weights: weights!, gradients: outputs.slice(1) };
}
