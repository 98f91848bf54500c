/** Keeping count on the GPU, so that the program need not wait to know how it is doing. */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";
import { FINITE, NOT_FINITE, STATE_WORDS } from "./state.ts";

/**
 * `losses` scalars (1 each) -> metrics (steps, losses + 1): writes them into the row of the current
 * step, behind them whether something is not finite (1, else 0), and then moves on: state step + 1.
 * The last kernel of a training step.
 */
export function recordStepKernel(losses: number, steps: number): Kernel {
  return {
    label: `record ${losses} losses`,
    workgroups: [1, 1, 1],
    wgsl: `${
      declareBindings(
        Array.from({ length: losses }, (_, i) => ({ name: `loss${i}`, elements: 1 })),
        [
          { name: "metrics", elements: steps * (losses + 1) },
          { name: "state", elements: STATE_WORDS, type: "u32" },
        ],
      )
    }
@compute @workgroup_size(1)
fn main() {
  let row = state[0] * ${losses + 1}u;
  ${Array.from({ length: losses }, (_, i) => `metrics[row + ${i}u] = loss${i}[0];`).join("\n  ")}
  metrics[row + ${losses}u] = f32(min(state[3], 1u));
  state[0] += 1u;
}`,
  };
}

/**
 * logits (N,K), labels (N) -> confusion (K,K), counts of (label, predicted class) added up over the
 * steps of the state, which is told where a logit is NaN or infinite. Samples at `total` and beyond
 * are padding and not counted. The first of equal logits wins.
 */
export function confusionKernel(batch: number, classes: number, total: number): Kernel {
  return elementwise(
    `confusion ${batch}x${classes}`,
    batch,
    declareBindings([
      { name: "logits", elements: batch * classes },
      { name: "labels", elements: batch, type: "u32" },
    ], [
      { name: "confusion", elements: classes * classes, type: "atomic<u32>" },
      { name: "state", elements: STATE_WORDS, type: "atomic<u32>" },
    ]) + FINITE,
    `if (atomicLoad(&state[0]) * ${batch}u + i < ${total}u) {
      var best = 0u;
      var sound = true;
      for (var k = 0u; k < ${classes}u; k++) {
        let logit = logits[i * ${classes}u + k];
        sound = sound && finite(logit);
        if (logit > logits[i * ${classes}u + best]) { best = k; }
      }
      atomicAdd(&confusion[labels[i] * ${classes}u + best], 1u);
      if (!sound) { atomicOr(&state[3], ${NOT_FINITE.logits}u); }
    }`,
  );
}

/** x (elements) -> the state is told where one of them is NaN or infinite. */
export function checkFiniteKernel(elements: number): Kernel {
  return elementwise(
    `check finite ${elements}`,
    elements,
    declareBindings([{ name: "x", elements }], [
      { name: "state", elements: STATE_WORDS, type: "atomic<u32>" },
    ]) + FINITE,
    `if (!finite(x[i])) { atomicOr(&state[3], ${NOT_FINITE.state}u); }`,
  );
}

/** state: step + 1. */
export function advanceKernel(): Kernel {
  return {
    label: "advance",
    workgroups: [1, 1, 1],
    wgsl: `${declareBindings([], [{ name: "state", elements: STATE_WORDS, type: "u32" }])}
@compute @workgroup_size(1)
fn main() { state[0] += 1u; }`,
  };
}

/**
 * x (rows, columns) of the current step -> all (total, columns): copies the rows to their place
 * among the rows of all steps; rows at `total` and beyond are padding.
 */
export function collectRowsKernel(rows: number, columns: number, total: number): Kernel {
  return elementwise(
    `collect ${rows}x${columns}`,
    rows * columns,
    declareBindings([
      { name: "x", elements: rows * columns },
      { name: "state", elements: STATE_WORDS, type: "u32" },
    ], [{ name: "all", elements: total * columns }]),
    `let row = state[0] * ${rows}u + i / ${columns}u;
    if (row < ${total}u) { all[row * ${columns}u + i % ${columns}u] = x[i]; }`,
  );
}
