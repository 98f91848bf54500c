/** How far a logit lies above the largest of the others. */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";

/** WGSL: `rival`, the first of the largest logits of row `i` other than its label's. */
const rival = (classes: number) => `
    let row = i * ${classes}u;
    let label = labels[i];
    var rival = select(0u, 1u, label == 0u);
    for (var k = rival + 1u; k < ${classes}u; k++) {
      if (k != label && logits[row + k] > logits[row + rival]) { rival = k; }
    }`;

/** logits (N,K), labels (N) -> margins (N): the label's logit less the largest of the others. */
export function marginKernel(batch: number, classes: number): Kernel {
  return elementwise(
    `margin ${batch}x${classes}`,
    batch,
    declareBindings([
      { name: "logits", elements: batch * classes },
      { name: "labels", elements: batch, type: "u32" },
    ], [{ name: "margins", elements: batch }]),
    `${rival(classes)}
    margins[i] = logits[row + label] - logits[row + rival];`,
  );
}

/** logits (N,K), labels (N), gradient of the margins (N) -> gradient of the logits (N,K). */
export function marginGradientKernel(batch: number, classes: number): Kernel {
  return elementwise(
    `margin gradient ${batch}x${classes}`,
    batch,
    declareBindings([
      { name: "logits", elements: batch * classes },
      { name: "labels", elements: batch, type: "u32" },
      { name: "dmargins", elements: batch },
    ], [{ name: "dlogits", elements: batch * classes }]),
    `${rival(classes)}
    for (var k = 0u; k < ${classes}u; k++) { dlogits[row + k] = 0.0; }
    dlogits[row + label] = dmargins[i];
    dlogits[row + rival] = -dmargins[i];`,
  );
}
