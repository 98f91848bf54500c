/** Distillation of logits in float64. */

import { softmax } from "../../src/reference/cross_entropy.ts";

/** T² times the mean over samples of KL(teacher ‖ student), each a softmax over T. */
export function softCrossEntropy(
  student: ArrayLike<number>,
  teacher: ArrayLike<number>,
  classes: number,
  temperature: number,
): number {
  const cooled = (logits: ArrayLike<number>) => Array.from(logits, (value) => value / temperature);
  const [s, t] = [cooled(student), cooled(teacher)];
  const samples = s.length / classes;
  let sum = 0;
  for (let n = 0; n < samples; n++) {
    const [p, q] = [softmax(s, classes, n), softmax(t, classes, n)];
    for (let k = 0; k < classes; k++) sum += q[k]! * Math.log(q[k]! / p[k]!);
  }
  return temperature ** 2 * sum / samples;
}
