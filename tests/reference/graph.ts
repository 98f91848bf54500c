/** Reverse-mode differentiation in float64, for comparing whole networks: every array is kept. */

import type { FeatureMaps } from "../../shaders/channel_sweep.ts";
import type { ConvolutionGeometry } from "../../shaders/convolution/use.ts";
import type { LinearGeometry } from "../../shaders/linear.ts";
import {
  batchNormTraining,
  batchNormTrainingGradient,
  normalize,
  normalizeGradient,
} from "../../src/reference/batch_norm.ts";
import {
  convolution,
  convolutionInputGradient,
  convolutionWeightGradient,
} from "../../src/reference/convolution.ts";
import { linear, linearGradient } from "../../src/reference/linear.ts";
import { averagePool, averagePoolGradient, type ReferencePool } from "./pool.ts";
import { relu, reluGradient } from "./relu.ts";

/** A value and, after {@linkcode Graph.backward}, the gradient of the loss. */
export interface Node {
  readonly value: Float64Array;
  readonly gradient: Float64Array;
}

/** A node without predecessors. */
export function leaf(value: ArrayLike<number>): Node {
  return { value: Float64Array.from(value), gradient: new Float64Array(value.length) };
}

/** Running statistics of a batch norm. */
export interface RunningStatistics {
  readonly mean: ArrayLike<number>;
  readonly variance: ArrayLike<number>;
}

function accumulate(node: Node, gradient: Float64Array): void {
  for (const [i, value] of gradient.entries()) node.gradient[i]! += value;
}

/** Remembers what was computed, to go back through it. */
export class Graph {
  readonly #rules: (() => void)[] = [];

  #node(value: Float64Array, rule: (gradient: Float64Array) => void): Node {
    const node = leaf(value);
    this.#rules.push(() => rule(node.gradient));
    return node;
  }

  /** Passes the gradients that were put into nodes back to all that they were computed from. */
  backward(): void {
    for (const rule of this.#rules.toReversed()) rule();
  }

  /** Without bias. */
  convolution(geometry: ConvolutionGeometry, x: Node, w: Node): Node {
    return this.#node(convolution(geometry, x.value, w.value).value, (dy) => {
      accumulate(x, convolutionInputGradient(geometry, dy, w.value).value);
      accumulate(w, convolutionWeightGradient(geometry, x.value, dy).value);
    });
  }

  /** By the statistics of the batch, or by `running`. */
  batchNorm(
    maps: FeatureMaps,
    x: Node,
    gamma: Node,
    beta: Node,
    running?: RunningStatistics,
  ): Node {
    const y = running
      ? normalize(maps, x.value, gamma.value, beta.value, running)
      : batchNormTraining(maps, x.value, gamma.value, beta.value);
    return this.#node(y, (dy) => {
      const { dx, dgamma, dbeta } = running
        ? normalizeGradient(maps, x.value, gamma.value, dy, running)
        : batchNormTrainingGradient(maps, x.value, gamma.value, dy);
      accumulate(x, dx);
      accumulate(gamma, dgamma);
      accumulate(beta, dbeta);
    });
  }

  /** max(x, 0). */
  relu(x: Node): Node {
    return this.#node(relu(x.value), (dy) => accumulate(x, reluGradient(x.value, dy)));
  }

  /** a + b. */
  add(a: Node, b: Node): Node {
    return this.#node(a.value.map((value, i) => value + b.value[i]!), (dy) => {
      accumulate(a, dy);
      accumulate(b, dy);
    });
  }

  /** Means of windows. */
  averagePool(pool: ReferencePool, x: Node): Node {
    return this.#node(
      averagePool(pool, x.value),
      (dy) => accumulate(x, averagePoolGradient(pool, dy)),
    );
  }

  /** x wᵀ + b. */
  linear(geometry: LinearGeometry, x: Node, w: Node, b: Node): Node {
    return this.#node(linear(geometry, x.value, w.value, b.value), (dy) => {
      const { dx, dw, db } = linearGradient(geometry, x.value, w.value, dy);
      accumulate(x, dx);
      accumulate(w, dw);
      accumulate(b, db);
    });
  }
}
