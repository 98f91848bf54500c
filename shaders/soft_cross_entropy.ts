/**
 * Knowledge distillation: Hinton, Vinyals & Dean, "Distilling the Knowledge in a Neural Network"
 * (2015). With p and q the softmax of student's and teacher's logits (N,K) over the temperature T, the
 * loss is T² times the mean over N of KL(q ‖ p).
 */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";

/** WGSL: largest value and sum of exp((value - largest) / T) of row `n` of `name`. */
const parts = (name: string, classes: number, temperature: number) => `
    var ${name}Largest = ${name}[n * ${classes}u];
    for (var k = 1u; k < ${classes}u; k++) {
      ${name}Largest = max(${name}Largest, ${name}[n * ${classes}u + k]);
    }
    var ${name}Total = 0.0;
    for (var k = 0u; k < ${classes}u; k++) {
      ${name}Total += exp((${name}[n * ${classes}u + k] - ${name}Largest) / f32(${temperature}));
    }`;

const bindings = (elements: number) => [
  { name: "student", elements },
  { name: "teacher", elements },
];

/** Student's and teacher's logits (N,K) -> T² KL(q ‖ p) of each sample (N). */
export function softCrossEntropyKernel(
  batch: number,
  classes: number,
  temperature: number,
): Kernel {
  return elementwise(
    `soft cross-entropy ${batch}x${classes}`,
    batch,
    declareBindings(bindings(batch * classes), [{ name: "losses", elements: batch }]),
    `let n = i;
    ${parts("student", classes, temperature)}
    ${parts("teacher", classes, temperature)}
    var divergence = 0.0;
    for (var k = 0u; k < ${classes}u; k++) {
      let p = (student[n * ${classes}u + k] - studentLargest) / f32(${temperature}) -
        log(studentTotal);
      let q = (teacher[n * ${classes}u + k] - teacherLargest) / f32(${temperature}) -
        log(teacherTotal);
      divergence += exp(q) * (q - p);
    }
    losses[n] = f32(${temperature ** 2}) * divergence;`,
  );
}

/** Logits (N,K), gradient of the mean loss (1) -> gradient of the student's, T (p - q) / N. */
export function softCrossEntropyGradientKernel(
  batch: number,
  classes: number,
  temperature: number,
): Kernel {
  return elementwise(
    `soft cross-entropy gradient ${batch}x${classes}`,
    batch,
    declareBindings([...bindings(batch * classes), { name: "dloss", elements: 1 }], [
      { name: "dstudent", elements: batch * classes },
    ]),
    `let n = i;
    ${parts("student", classes, temperature)}
    ${parts("teacher", classes, temperature)}
    let factor = dloss[0] * f32(${temperature / batch});
    for (var k = 0u; k < ${classes}u; k++) {
      let at = n * ${classes}u + k;
      let p = exp((student[at] - studentLargest) / f32(${temperature})) / studentTotal;
      let q = exp((teacher[at] - teacherLargest) / f32(${temperature})) / teacherTotal;
      dstudent[at] = factor * (p - q);
    }`,
  );
}
