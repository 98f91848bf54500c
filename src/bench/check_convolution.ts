/** Spot checks of a convolution kernel on the device at hand, before anybody times it. */

import { convolutionBindings, type ConvolutionFacts } from "../../shaders/convolution/use.ts";
import { DeviceError } from "../errors.ts";
import { RandomPurpose, RandomStream } from "../data/random.ts";
import type { BufferRange, Gpu } from "../gpu/gpu.ts";
import type { Step } from "../tensor/tape.ts";
import { size, type Tensor } from "../tensor/tensor.ts";
import { type ConvolutionInputs, convolutionValue } from "./convolution_values.ts";

/** Elements of the result that are compared. */
const CHECKED = 40;

/** Random values, repeated to fill a tensor: a prime, so that no row or plane repeats another. */
const RANDOM_VALUES = 4099;

const random = new RandomStream(1, RandomPurpose.parameters);
const values = Float32Array.from({ length: RANDOM_VALUES }, () => random.between(-1, 1));

/**
 * Runs the kernel of `step` on random values, in buffers of its own, and compares some elements of
 * its result, first and last among them, with plain loops; then the partial sums with the result.
 *
 * @throws {DeviceError} naming the first element that is wrong.
 */
export async function checkConvolution(
  gpu: Gpu,
  step: Step,
  facts: ConvolutionFacts,
): Promise<void> {
  const owned: BufferRange[] = [];
  const own = (tensor: Tensor) => {
    const range = gpu.createBuffer(4 * size(tensor), tensor.label);
    owned.push(range);
    return range;
  };
  try {
    const inputs = step.reads.map((tensor, i) =>
      Float32Array.from({ length: size(tensor) }, (_, j) => values[(j + 11 * i) % RANDOM_VALUES]!)
    );
    const reads = step.reads.map((tensor, i) => {
      const range = own(tensor);
      gpu.write(range, inputs[i]!);
      return range;
    });
    const writes = step.writes.map(own);
    gpu.submit([gpu.prepare(step.kernel, reads, writes)]);
    const [first, second] = (await gpu.read(...writes)).map((bytes) => new Float32Array(bytes));
    const byName = inputsByName(facts, inputs);
    const result = totalOfParts(step.writes[0]!, first!);
    checkElements(step.kernel.label, facts, byName, result);
    if (second) checkPartials(step.kernel.label, facts, byName, result, second);
  } finally {
    for (const range of owned) gpu.destroyBuffer(range);
  }
}

/** The tensors that a kernel read, by their names. */
function inputsByName(
  facts: ConvolutionFacts,
  inputs: readonly Float32Array[],
): ConvolutionInputs {
  const { reads } = convolutionBindings(facts);
  return Object.fromEntries(reads.map((name, i) => [name, inputs[i]]));
}

/** A weight gradient may come in parts (parts,K,C,R,R); everything else has four dimensions. */
function totalOfParts(tensor: Tensor, found: Float32Array): Float32Array {
  if (tensor.shape.length === 4) return found;
  const elements = found.length / tensor.shape[0]!;
  const total = new Float64Array(elements);
  for (const [i, value] of found.entries()) total[i % elements]! += value;
  return Float32Array.from(total);
}

function checkElements(
  label: string,
  facts: ConvolutionFacts,
  inputs: ConvolutionInputs,
  result: Float32Array,
): void {
  for (let i = 0; i < CHECKED; i++) {
    const at = Math.round(i * (result.length - 1) / (CHECKED - 1));
    const { value, magnitude, terms } = convolutionValue(facts, inputs, at);
    // Random rounding errors grow with the square root of the number of terms; 4 is a margin.
    const tolerance = 4 * (Math.sqrt(terms) + 2) * 2 ** -24 * magnitude;
    expectNear(`element ${at} of ${label}`, result[at]!, value, tolerance);
  }
}

/** Partial sums (parts,K,2) of the last channel, against sums over the result itself. */
function checkPartials(
  label: string,
  { direction, geometry }: ConvolutionFacts,
  { x, coefficients }: ConvolutionInputs,
  result: Float32Array,
  partials: Float32Array,
): void {
  const channels = direction === "forward" ? geometry.outChannels : geometry.inChannels;
  const channel = channels - 1;
  const plane = result.length / geometry.batch / channels;
  const indices = Array.from(
    { length: geometry.batch * plane },
    (_, i) => (Math.floor(i / plane) * channels + channel) * plane + i % plane,
  );
  const sum = (terms: readonly number[]) => terms.reduce((total, term) => total + term, 0);
  const parts = Array.from(
    { length: partials.length / channels / 2 },
    (_, part) => [0, 1].map((i) => partials[(part * channels + channel) * 2 + i]!),
  );
  const chosen = indices.map((i) => result[i]!);
  const check = (what: string, found: number, terms: readonly number[]) =>
    expectNear(
      `${what} of channel ${channel} of ${label}`,
      found,
      sum(terms),
      1e-4 * sum(terms.map(Math.abs)),
    );
  if (direction === "forward") {
    // Means and sums of squared deviations, merged by Chan's formula.
    const count = chosen.length / parts.length;
    const mean = sum(chosen) / chosen.length;
    check("sum", sum(parts.map(([m]) => m! * count)), chosen);
    check(
      "squared deviations",
      sum(parts.map(([m, m2]) => m2! + count * (m! - mean) ** 2)),
      chosen.map((value) => (value - mean) ** 2),
    );
  } else {
    const mean = coefficients![2 * channels + channel]!;
    check("sum", sum(parts.map(([first]) => first!)), chosen);
    check(
      "sum with deviations",
      sum(parts.map(([, second]) => second!)),
      indices.map((i) => result[i]! * (x![i]! - mean)),
    );
  }
}

function expectNear(what: string, found: number, expected: number, tolerance: number): void {
  if (Math.abs(found - expected) <= tolerance) return;
  throw new DeviceError(
    `cannot time a kernel with wrong results: ${what} is ${found}, expected ${expected} within ` +
      `${tolerance}; "deno task doctor" checks this adapter`,
  );
}
