/** Compares a convolution variant with the float64 reference in all three directions. */

import assert from "node:assert/strict";
import { type ConvolutionGeometry, outputExtent } from "../../../shaders/convolution/use.ts";
import type { ConvolutionVariant } from "../../../shaders/convolution/variant.ts";
import {
  convolution,
  convolutionElements,
  convolutionInputGradient,
  convolutionWeightGradient,
  type ReferenceSum,
} from "../../../src/reference/convolution.ts";
import { capabilities, runKernel } from "../harness.ts";

/** `count` values in [-1, 1), the same for the same seed (mulberry32). */
export function randomValues(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 31 - 1;
  });
}

/** Throws unless every element is as near to `expected` as float32 sums in any order can be. */
export function assertClose(actual: Float32Array, expected: ReferenceSum, what: string): void {
  assert.equal(actual.length, expected.value.length, `${what}: wrong number of elements`);
  for (const [index, found] of actual.entries()) {
    const wanted = expected.value[index]!;
    // Random rounding errors grow with the square root of the number of terms; 4 is a margin.
    const bound = 4 * (Math.sqrt(expected.terms) + 2) * 2 ** -24 * expected.magnitude[index]!;
    if (!(Math.abs(found - wanted) <= bound)) {
      assert.fail(`${what}: element ${index} is ${found}, expected ${wanted} within ${bound}`);
    }
  }
}

/** Sum over parts of partial results laid out (parts, ...). */
export function sumOfParts(partials: Float32Array, parts: number): Float32Array {
  const elements = partials.length / parts;
  const total = new Float64Array(elements);
  for (let i = 0; i < partials.length; i++) total[i % elements]! += partials[i]!;
  return Float32Array.from(total);
}

/** Short text of a geometry, for test names and failures. */
export function describe(geometry: ConvolutionGeometry): string {
  const { batch, inChannels, height, width, outChannels, kernelSize, stride, padding } = geometry;
  return `${batch}x${inChannels}x${height}x${width} -> ${outChannels}, ` +
    `${kernelSize}x${kernelSize} stride ${stride} padding ${padding}`;
}

/** A variant as a GPU has it, which may prefer other kernels than a software driver. */
export function onGpu(variant: ConvolutionVariant): ConvolutionVariant {
  const software = false;
  return {
    name: `${variant.name} on a GPU`,
    forward: (g, given, fusion) => variant.forward(g, { ...given, software }, fusion),
    inputGradient: (g, given, fusion) => variant.inputGradient(g, { ...given, software }, fusion),
    weightGradient: (g, given, fusion) => variant.weightGradient(g, { ...given, software }, fusion),
  };
}

/** Which directions `variant` offers for `geometry`, after checking each against the reference. */
export async function checkVariant(
  variant: ConvolutionVariant,
  geometry: ConvolutionGeometry,
  seed: number,
): Promise<string[]> {
  const elements = convolutionElements(geometry);
  const x = randomValues(elements.x, seed);
  const w = randomValues(elements.w, seed + 1);
  const dy = randomValues(elements.y, seed + 2);
  const checked: string[] = [];
  const [forward] = variant.forward(geometry, capabilities);
  if (forward) {
    const [y] = await runKernel(forward, [x, w], [elements.y]);
    assertClose(y!, convolution(geometry, x, w), forward.label);
    checked.push("forward");
  }
  const [inputGradient] = variant.inputGradient(geometry, capabilities);
  if (inputGradient) {
    const [dx] = await runKernel(inputGradient, [dy, w], [elements.x]);
    assertClose(dx!, convolutionInputGradient(geometry, dy, w), inputGradient.label);
    checked.push("input gradient");
  }
  const [weightGradient] = variant.weightGradient(geometry, capabilities);
  if (weightGradient) {
    const { kernel, parts } = weightGradient;
    const [partials] = await runKernel(kernel, [x, dy], [parts * elements.w]);
    const dw = sumOfParts(partials!, parts);
    assertClose(dw, convolutionWeightGradient(geometry, x, dy), kernel.label);
    checked.push("weight gradient");
  }
  return checked;
}

/** A geometry from its sizes in the order N, C, H, W, K, R, stride, padding. */
export function geometryOf(
  ...sizes: [number, number, number, number, number, number, number, number]
): ConvolutionGeometry {
  const [batch, inChannels, height, width, outChannels, kernelSize, stride, padding] = sizes;
  return { batch, inChannels, height, width, outChannels, kernelSize, stride, padding };
}

/** Every distinct convolution of WRN-16-1 on 32x32 images, at a batch of 3. */
export const MODEL_GEOMETRIES: readonly ConvolutionGeometry[] = [
  geometryOf(3, 3, 32, 32, 16, 3, 1, 1),
  geometryOf(3, 16, 32, 32, 16, 3, 1, 1),
  geometryOf(3, 16, 32, 32, 32, 3, 2, 1),
  geometryOf(3, 16, 32, 32, 32, 1, 2, 0),
  geometryOf(3, 32, 16, 16, 32, 3, 1, 1),
  geometryOf(3, 32, 16, 16, 64, 3, 2, 1),
  geometryOf(3, 32, 16, 16, 64, 1, 2, 0),
  geometryOf(3, 64, 8, 8, 64, 3, 1, 1),
];

/** Geometries that no tile size divides. */
export const ODD_GEOMETRIES: readonly ConvolutionGeometry[] = [
  geometryOf(1, 1, 1, 1, 1, 1, 1, 0),
  geometryOf(2, 5, 7, 9, 11, 3, 1, 1),
  geometryOf(2, 3, 13, 10, 6, 5, 3, 2),
  geometryOf(1, 2, 28, 28, 10, 7, 2, 3),
  geometryOf(2, 9, 6, 5, 3, 3, 2, 0),
  geometryOf(1, 4, 48, 48, 12, 3, 2, 1),
  geometryOf(3, 12, 9, 9, 10, 1, 1, 0),
];

/** Whether the output has any pixel. */
export function isValid(geometry: ConvolutionGeometry): boolean {
  const out = outputExtent(geometry);
  return out.height > 0 && out.width > 0;
}
