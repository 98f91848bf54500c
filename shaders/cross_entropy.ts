/** Softmax cross-entropy of logits (N,K) and labels (N), the mean over the batch. */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";

/** WGSL: the largest logit of row `n` and the sum of exp(logit - largest). */
const softmaxParts = (classes: number) => `
    var largest = logits[n * ${classes}u];
    for (var k = 1u; k < ${classes}u; k++) { largest = max(largest, logits[n * ${classes}u + k]); }
    var total = 0.0;
    for (var k = 0u; k < ${classes}u; k++) { total += exp(logits[n * ${classes}u + k] - largest); }`;

/** logits (N,K), labels (N) -> the loss of each sample (N). */
export function crossEntropyKernel(batch: number, classes: number): Kernel {
  return elementwise(
    `cross-entropy ${batch}x${classes}`,
    batch,
    declareBindings([
      { name: "logits", elements: batch * classes },
      { name: "labels", elements: batch, type: "u32" },
    ], [{ name: "losses", elements: batch }]),
    `let n = i;
    ${softmaxParts(classes)}
    losses[n] = log(total) + largest - logits[n * ${classes}u + labels[n]];`,
  );
}

/** logits (N,K), labels (N), gradient of the mean loss (1) -> gradient of the logits (N,K). */
export function crossEntropyGradientKernel(batch: number, classes: number): Kernel {
  return elementwise(
    `cross-entropy gradient ${batch}x${classes}`,
    batch,
    declareBindings([
      { name: "logits", elements: batch * classes },
      { name: "labels", elements: batch, type: "u32" },
      { name: "dloss", elements: 1 },
    ], [{ name: "dlogits", elements: batch * classes }]),
    `let n = i;
    ${softmaxParts(classes)}
    let factor = dloss[0] / ${batch}.0;
    for (var k = 0u; k < ${classes}u; k++) {
      let probability = exp(logits[n * ${classes}u + k] - largest) / total;
      dlogits[n * ${classes}u + k] = factor * (probability - select(0.0, 1.0, k == labels[n]));
    }`,
  );
}
