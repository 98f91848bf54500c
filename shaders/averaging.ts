/** A running average of a network over the steps of its training: Polyak & Juditsky (1992). */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";
import { STATE_WORDS } from "./state.ts";

/** Values, weights w (one a step), state -> the average a, in place: a += w (value - a). */
export function averagingKernel(elements: number, steps: number): Kernel {
  return elementwise(
    `average ${elements}`,
    elements,
    declareBindings([
      { name: "values", elements },
      { name: "weights", elements: steps },
      { name: "state", elements: STATE_WORDS, type: "u32" },
    ], [{ name: "average", elements }]),
    // Where w is 1, the value itself: a + (value - a) would round.
    `let w = weights[state[0]];
    average[i] = select(average[i] + w * (values[i] - average[i]), values[i], w == 1.0);`,
  );
}
