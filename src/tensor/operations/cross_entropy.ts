/** Softmax cross-entropy. */

import { crossEntropyGradientKernel, crossEntropyKernel } from "../../../shaders/cross_entropy.ts";
import { sumKernel } from "../../../shaders/reduction.ts";
import type { Tape } from "../tape.ts";
import { expectShape, type Tensor } from "../tensor.ts";

/** logits (N,K), labels (N, u32, below K) -> the mean of -log softmax(logits)[label] (1). */
export function crossEntropy(tape: Tape, logits: Tensor, labels: Tensor): Tensor {
  const [batch = 0, classes = 0] = logits.shape;
  expectShape(logits, [batch, classes], "compute cross-entropy");
  expectShape(labels, [batch], "compute cross-entropy");
  const losses = tape.transient([batch], "cross-entropy of samples");
  const loss = tape.transient([1], "cross-entropy");
  tape.run(crossEntropyKernel(batch, classes), [logits, labels], [losses]);
  tape.run(sumKernel(batch, 1 / batch), [losses], [loss]);
  return tape.differentiable([logits], loss, (dloss) => {
    const dlogits = tape.transient(logits.shape, "d logits");
    tape.run(crossEntropyGradientKernel(batch, classes), [logits, labels, dloss], [dlogits]);
    return [dlogits];
  });
}
