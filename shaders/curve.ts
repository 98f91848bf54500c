/**
 * A quadratic Bézier curve between two networks: Garipov et al., "Loss Surfaces, Mode Connectivity"
 * (NeurIPS 2018), equation 5: φ(t) = (1-t)² a + 2 t (1-t) m + t² b, with ends a, b and middle m.
 */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";
import { STATE_WORDS } from "./state.ts";

/** Start, middle and end, positions t (one a step), state -> the point φ(t). */
export function curvePointKernel(elements: number, steps: number): Kernel {
  return elementwise(
    `curve point ${elements}`,
    elements,
    declareBindings([
      { name: "start", elements },
      { name: "middle", elements },
      { name: "end", elements },
      { name: "positions", elements: steps },
      { name: "state", elements: STATE_WORDS, type: "u32" },
    ], [{ name: "point", elements }]),
    `let t = positions[state[0]];
    let s = 1.0 - t;
    point[i] = s * s * start[i] + 2.0 * s * t * middle[i] + t * t * end[i];`,
  );
}

/** Positions, state -> gradients at φ(t) become those of the middle, in place: times 2 t (1-t). */
export function curveGradientKernel(elements: number, steps: number): Kernel {
  return elementwise(
    `curve gradient ${elements}`,
    elements,
    declareBindings([
      { name: "positions", elements: steps },
      { name: "state", elements: STATE_WORDS, type: "u32" },
    ], [{ name: "gradients", elements }]),
    `let t = positions[state[0]];
    gradients[i] *= 2.0 * t * (1.0 - t);`,
  );
}
