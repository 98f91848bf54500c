import assert from "node:assert/strict";
import { checkConvolution } from "../../src/bench/check_convolution.ts";
import { convolutionValue } from "../../src/bench/convolution_values.ts";
import { type ConvolutionUse, DIRECTIONS } from "../../shaders/convolution/use.ts";
import { DeviceError } from "../../src/errors.ts";
import { normalizedActivation } from "../../src/tensor/operations/batch_norm.ts";
import { convolution } from "../../src/tensor/operations/convolution.ts";
import { type Step, Tape } from "../../src/tensor/tape.ts";
import { gpu } from "../gpu/device.ts";
import {
  convolution as forward,
  convolutionElements,
  convolutionInputGradient,
  convolutionWeightGradient,
} from "../../src/reference/convolution.ts";
import { normalValues } from "../reference/values.ts";
import { weightedSum } from "../tensor/weighted_sum.ts";

/** The convolution kernels of batch norm, ReLU, a 3x3 convolution and their gradients. */
function recordedConvolutions(stride: number, options: { residual: boolean }): Step[] {
  const tape = new Tape(gpu.capabilities);
  const vector = (name: string) => tape.transient([8], name);
  const x = tape.transient([2, 8, 8, 8], "x");
  const w = tape.transient([16, 8, 3, 3], "w");
  const tensors = {
    gamma: vector("gamma"),
    beta: vector("beta"),
    runningMean: vector("running mean"),
    runningVariance: vector("running variance"),
  };
  const side = 8 / stride;
  const activation = normalizedActivation(tape, x, tensors, "training");
  const y = convolution(tape, activation, w, {
    stride,
    statistics: true,
    ...options.residual ? { residual: tape.transient([2, 16, side, side], "residual") } : {},
  });
  const loss = weightedSum(tape, y, normalValues(2 * 16 * side * side, 1));
  tape.gradients([{ loss, weight: 1 }], [x, w]);
  return tape.steps.filter((step) => step.kernel.convolution);
}

for (const [stride, residual] of [[1, true], [2, false]] as const) {
  Deno.test(`checkConvolution() accepts this device's kernels at stride ${stride}`, async () => {
    const steps = recordedConvolutions(stride, { residual });
    assert.equal(steps.length, 3);
    for (const step of steps) await checkConvolution(gpu, step, step.kernel.convolution!);
  });
}

Deno.test("checkConvolution() refuses kernels that compute nothing", async () => {
  for (const step of recordedConvolutions(1, { residual: true })) {
    const wgsl = step.kernel.wgsl.replace(/(fn main\([^{]*\{)/, "$1\n  if (true) { return; }");
    assert.notEqual(wgsl, step.kernel.wgsl);
    await assert.rejects(
      checkConvolution(
        gpu,
        { ...step, kernel: { ...step.kernel, wgsl } },
        step.kernel.convolution!,
      ),
      (error) => error instanceof DeviceError && /cannot time a kernel with wrong/.test(`${error}`),
    );
  }
});

const GEOMETRY = {
  batch: 2,
  inChannels: 3,
  height: 7,
  width: 6,
  outChannels: 4,
  kernelSize: 3,
  stride: 2,
  padding: 1,
};

for (const direction of ["forward", "inputGradient", "weightGradient"] as const) {
  Deno.test(`convolutionValue() matches the float64 reference of the ${DIRECTIONS[direction]}`, () => {
    const elements = convolutionElements(GEOMETRY);
    const x = normalValues(elements.x, 1);
    const w = normalValues(elements.w, 2);
    const dy = normalValues(elements.y, 3);
    const reference: Record<ConvolutionUse["direction"], () => Float64Array> = {
      forward: () => forward(GEOMETRY, x, w).value,
      inputGradient: () => convolutionInputGradient(GEOMETRY, dy, w).value,
      weightGradient: () => convolutionWeightGradient(GEOMETRY, x, dy).value,
    };
    const use = { direction, geometry: GEOMETRY, fusion: {} };
    for (const [at, expected] of reference[direction]().entries()) {
      const { value } = convolutionValue(use, { x, w, dy }, at);
      assert.ok(Math.abs(value - expected) < 1e-12, `element ${at}: ${value}, not ${expected}`);
    }
  });
}
