import assert from "node:assert/strict";
import { convolution, type ConvolutionOptions } from "../../src/tensor/operations/convolution.ts";
import { convolution as reference } from "../../src/reference/convolution.ts";
import { checkOperation } from "./check_operation.ts";
import { evaluate, normalInput } from "./record.ts";

/** N, C, H, W, K, R, stride, padding */
const SHAPES = [
  [2, 3, 6, 5, 4, 3, 1, 1],
  [2, 4, 7, 6, 3, 3, 2, 1],
  [3, 5, 6, 6, 2, 1, 2, 0],
  [1, 2, 8, 7, 3, 5, 1, 2],
  [2, 8, 8, 8, 8, 3, 1, 1],
] as const;

for (const [batch, inChannels, height, width, outChannels, kernelSize, stride, padding] of SHAPES) {
  const geometry = {
    batch,
    inChannels,
    height,
    width,
    outChannels,
    kernelSize,
    stride,
    padding,
  };
  const x = normalInput([batch, inChannels, height, width], 1);
  const w = normalInput([outChannels, inChannels, kernelSize, kernelSize], 2);
  const rows = Math.floor((height + 2 * padding - kernelSize) / stride) + 1;
  const columns = Math.floor((width + 2 * padding - kernelSize) / stride) + 1;
  const where = `[${x.shape}], ${kernelSize}x${kernelSize}, stride ${stride}`;

  Deno.test(`convolution() and its gradients match the float64 reference at ${where}`, async () => {
    await checkOperation({
      inputs: [x, w],
      operation: (tape, x, w) => convolution(tape, x, w, { stride, padding }),
      reference: (x, w) => reference(geometry, x, w).value,
    });
  });

  Deno.test(`convolution() with a residual matches the float64 reference at ${where}`, async () => {
    await checkOperation({
      inputs: [x, w, normalInput([batch, outChannels, rows, columns], 3)],
      operation: (tape, x, w, residual) => convolution(tape, x, w, { stride, padding, residual }),
      reference: (x, w, residual) =>
        reference(geometry, x, w).value.map((value, i) => value + residual[i]!),
    });
  });
}

Deno.test("convolution() adds its own input as residual, and both gradients reach it", async () => {
  const geometry = {
    batch: 2,
    inChannels: 3,
    height: 5,
    width: 4,
    outChannels: 3,
    kernelSize: 3,
    stride: 1,
    padding: 1,
  };
  await checkOperation({
    inputs: [normalInput([2, 3, 5, 4], 4), normalInput([3, 3, 3, 3], 5)],
    operation: (tape, x, w) => convolution(tape, x, w, { residual: x }),
    reference: (x, w) => reference(geometry, x, w).value.map((value, i) => value + x[i]!),
  });
});

Deno.test("convolution() throws where shapes do not fit", async () => {
  const convolve = (x: number[], w: number[], options: ConvolutionOptions = {}) =>
    evaluate(
      [normalInput(x, 1), normalInput(w, 2)],
      (tape, x, w) => [convolution(tape, x!, w!, options)],
    );
  await assert.rejects(
    convolve([2, 3, 8, 8], [4, 2, 3, 3]),
    new RangeError(
      "cannot convolve input 0 [2, 3, 8, 8]: input 1 has shape [4, 2, 3, 3], expected [4, 3, 3, 3]",
    ),
  );
  await assert.rejects(
    convolve([2, 3, 8, 8], [4, 3, 3, 5]),
    new RangeError(
      "cannot convolve input 0 [2, 3, 8, 8]: input 1 has shape [4, 3, 3, 5], expected [4, 3, 3, 3]",
    ),
  );
  await assert.rejects(
    convolve([2, 3, 8, 8], [4, 3, 2, 2]),
    new RangeError("input 1: expected an odd kernel size, found 2"),
  );
  await assert.rejects(
    convolve([2, 3, 4, 4], [4, 3, 7, 7], { padding: 0 }),
    new RangeError("input 1: a 4x4 image is too small for a 7x7 kernel"),
  );
  await assert.rejects(
    convolve([3, 8, 8], [4, 3, 3, 3]),
    new RangeError("input 0: expected shape (N,C,H,W), found [3, 8, 8]"),
  );
});

Deno.test("convolution() throws where the residual is not shaped like the result", async () => {
  await assert.rejects(
    evaluate(
      [normalInput([2, 3, 8, 8], 1), normalInput([4, 3, 3, 3], 2), normalInput([2, 4, 5, 5], 3)],
      (tape, x, w, residual) => [convolution(tape, x!, w!, { residual: residual! })],
    ),
    new RangeError(
      "cannot add a residual to input 1: input 2 has shape [2, 4, 5, 5], expected [2, 4, 8, 8]",
    ),
  );
});
