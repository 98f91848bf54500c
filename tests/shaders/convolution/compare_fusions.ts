/** Compares the fused forms of a convolution variant with the float64 reference. */

import assert from "node:assert/strict";
import type {
  ConvolutionGeometry,
  ForwardFusion,
  InputGradientFusion,
} from "../../../shaders/convolution/use.ts";
import type { ConvolutionVariant } from "../../../shaders/convolution/variant.ts";
import {
  convolution,
  convolutionElements,
  convolutionInputGradient,
  convolutionWeightGradient,
  type ReferenceSum,
} from "../../../src/reference/convolution.ts";
import { capabilities, runKernel } from "../harness.ts";
import { assertClose, randomValues, sumOfParts } from "./compare.ts";

/** Channel of every element of an image of `channels` channels. */
function channelOf(index: number, channels: number, plane: number): number {
  return Math.floor(index / plane) % channels;
}

/**
 * `reference` of relu(scale x + shift) in float64, with the magnitude of what cancels inside it:
 * |scale x| + |shift| is rounded as well.
 */
function ofNormalised(
  x: Float32Array,
  coefficients: Float32Array,
  channels: number,
  plane: number,
  reference: (read: Float64Array) => ReferenceSum,
): ReferenceSum {
  const terms = Array.from(x, (value, index) => {
    const c = channelOf(index, channels, plane);
    return [coefficients[c]! * value, coefficients[channels + c]!] as const;
  });
  const read = Float64Array.from(terms, ([product, shift]) => Math.max(0, product + shift));
  const largest = terms.map(([product, shift]) => Math.abs(product) + Math.abs(shift));
  const { magnitude } = reference(Float64Array.from(largest));
  return { ...reference(read), magnitude };
}

/** `sum` plus one more term for each element. */
function plus(sum: ReferenceSum, addend: Float32Array): ReferenceSum {
  return {
    value: sum.value.map((value, i) => value + addend[i]!),
    magnitude: sum.magnitude.map((value, i) => value + Math.abs(addend[i]!)),
    terms: sum.terms + 1,
  };
}

/** Throws unless `found` is within a relative error of 1e-5 of `scale`. */
function assertNear(found: number, wanted: number, scale: number, what: string): void {
  assert.ok(
    Math.abs(found - wanted) <= 1e-5 * scale,
    `${what} is ${found}, expected ${wanted}, scale ${scale}`,
  );
}

/** Merges (parts,K,2) of mean and squared deviations by Chan's formula, in float64. */
function mergeStatistics(statistics: Float32Array, parts: number, channels: number, count: number) {
  return Array.from({ length: channels }, (_, k) => {
    let mean = 0;
    let squares = 0;
    for (let part = 0; part < parts; part++) {
      const at = (part * channels + k) * 2;
      const before = part * count;
      const delta = statistics[at]! - mean;
      mean += delta * count / (before + count);
      squares += statistics[at + 1]! + delta ** 2 * before * count / (before + count);
    }
    return { mean, squares };
  });
}

/** Checks the forward kernel with `fusion`; false where the variant does not offer it. */
export async function checkForwardFusion(
  variant: ConvolutionVariant,
  geometry: ConvolutionGeometry,
  fusion: ForwardFusion,
  seed: number,
): Promise<boolean> {
  const [kernel] = variant.forward(geometry, capabilities, fusion);
  if (!kernel) return false;
  const { inChannels, outChannels, height, width, batch } = geometry;
  const elements = convolutionElements(geometry);
  const x = randomValues(elements.x, seed);
  const w = randomValues(elements.w, seed + 1);
  const coefficients = randomValues(2 * inChannels, seed + 2);
  const residual = randomValues(elements.y, seed + 3);
  const inputs = [x, w];
  if (fusion.normaliseInput) inputs.push(coefficients);
  if (fusion.addResidual) inputs.push(residual);
  const outputs = [elements.y];
  if (fusion.statistics) outputs.push(kernel.parts * outChannels * 2);
  const [y, statistics] = await runKernel(kernel, inputs, outputs);
  const reference = (read: ArrayLike<number>) => convolution(geometry, read, w);
  const sum = fusion.normaliseInput
    ? ofNormalised(x, coefficients, inChannels, height * width, reference)
    : reference(x);
  assertClose(y!, fusion.addResidual ? plus(sum, residual) : sum, kernel.label);
  if (statistics) {
    const plane = elements.y / batch / outChannels;
    assert.equal(kernel.parts * kernel.valuesPerPart, batch * plane);
    const merged = mergeStatistics(statistics, kernel.parts, outChannels, kernel.valuesPerPart);
    merged.forEach(({ mean, squares }, k) => {
      const values = y!.filter((_, index) => channelOf(index, outChannels, plane) === k);
      const wanted = values.reduce((total, value) => total + value, 0) / values.length;
      const deviations = values.reduce((total, value) => total + (value - wanted) ** 2, 0);
      assertNear(mean, wanted, Math.sqrt(deviations / values.length) + Math.abs(wanted), "mean");
      assertNear(squares, deviations, deviations + 1e-6, "squared deviations");
    });
  }
  return true;
}

/** Checks the input-gradient kernel with `fusion`; false where the variant does not offer it. */
export async function checkInputGradientFusion(
  variant: ConvolutionVariant,
  geometry: ConvolutionGeometry,
  fusion: InputGradientFusion,
  seed: number,
): Promise<boolean> {
  const [kernel] = variant.inputGradient(geometry, capabilities, fusion);
  if (!kernel) return false;
  const { inChannels, height, width, batch } = geometry;
  const elements = convolutionElements(geometry);
  const dy = randomValues(elements.y, seed);
  const w = randomValues(elements.w, seed + 1);
  const addend = randomValues(elements.x, seed + 2);
  const x = randomValues(elements.x, seed + 3);
  const coefficients = randomValues(3 * inChannels, seed + 4);
  const inputs = [dy, w];
  if (fusion.addAddend) inputs.push(addend);
  if (fusion.normalised) inputs.push(x, coefficients);
  const outputs = [elements.x];
  if (fusion.normalised) outputs.push(kernel.parts * inChannels * 2);
  const [dx, sums] = await runKernel(kernel, inputs, outputs);
  const plain = convolutionInputGradient(geometry, dy, w);
  const sum = fusion.addAddend ? plus(plain, addend) : plain;
  const plane = height * width;
  const open = Array.from(x, (value, index) => {
    const c = channelOf(index, inChannels, plane);
    return coefficients[c]! * value + coefficients[inChannels + c]! > 0;
  });
  const expected = fusion.normalised
    ? { ...sum, value: sum.value.map((value, i) => open[i] ? value : 0) }
    : sum;
  assertClose(dx!, expected, kernel.label);
  if (sums) {
    assert.equal(kernel.parts * kernel.valuesPerPart, batch * plane);
    const totals = sumOfParts(sums, kernel.parts);
    for (let c = 0; c < inChannels; c++) {
      const wanted = [0, 0];
      const scale = [1e-6, 1e-6];
      dx!.forEach((value, index) => {
        if (channelOf(index, inChannels, plane) !== c) return;
        const terms = [value, value * (x[index]! - coefficients[2 * inChannels + c]!)];
        terms.forEach((term, i) => {
          wanted[i]! += term;
          scale[i]! += Math.abs(term);
        });
      });
      for (const i of [0, 1]) assertNear(totals[2 * c + i]!, wanted[i]!, scale[i]!, `sum ${i}`);
    }
  }
  return true;
}

/** Checks the weight gradient of relu(scale x + shift); false where the variant lacks it. */
export async function checkWeightGradientFusion(
  variant: ConvolutionVariant,
  geometry: ConvolutionGeometry,
  seed: number,
): Promise<boolean> {
  const [gradient] = variant.weightGradient(geometry, capabilities, { normaliseInput: true });
  if (!gradient) return false;
  const { inChannels, height, width } = geometry;
  const elements = convolutionElements(geometry);
  const x = randomValues(elements.x, seed);
  const dy = randomValues(elements.y, seed + 1);
  const coefficients = randomValues(2 * inChannels, seed + 2);
  const { kernel, parts } = gradient;
  const [partials] = await runKernel(kernel, [x, dy, coefficients], [parts * elements.w]);
  const expected = ofNormalised(
    x,
    coefficients,
    inChannels,
    height * width,
    (read) => convolutionWeightGradient(geometry, read, dy),
  );
  assertClose(sumOfParts(partials!, parts), expected, kernel.label);
  return true;
}
