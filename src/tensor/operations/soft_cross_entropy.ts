/** Cross-entropy with a teacher's answers in place of labels. */

import { sumKernel } from "../../../shaders/reduction.ts";
import {
  softCrossEntropyGradientKernel,
  softCrossEntropyKernel,
} from "../../../shaders/soft_cross_entropy.ts";
import type { Tape } from "../tape.ts";
import { expectShape, type Tensor } from "../tensor.ts";

/**
 * Logits of student and teacher (N,K) -> T² times the mean of KL(softmax(teacher / T) ‖
 * softmax(student / T)) (1). The teacher is a constant: no gradient reaches it.
 */
export function softCrossEntropy(
  tape: Tape,
  student: Tensor,
  teacher: Tensor,
  temperature: number,
): Tensor {
  const [batch = 0, classes = 0] = student.shape;
  expectShape(student, [batch, classes], "distil logits");
  expectShape(teacher, [batch, classes], "distil logits");
  const losses = tape.transient([batch], "soft cross-entropy of samples");
  const loss = tape.transient([1], "soft cross-entropy");
  tape.run(softCrossEntropyKernel(batch, classes, temperature), [student, teacher], [losses]);
  tape.run(sumKernel(batch, 1 / batch), [losses], [loss]);
  return tape.differentiable([student], loss, (dloss) => {
    const dlogits = tape.transient(student.shape, "d logits");
    const inputs = [student, teacher, dloss];
    tape.run(softCrossEntropyGradientKernel(batch, classes, temperature), inputs, [dlogits]);
    return [dlogits];
  });
}
