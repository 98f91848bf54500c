/**
 * Batch norm and ReLU fused into the convolutions around them, in the arrangements in which a network
 * may use an activation: once, twice in either order, and stored for another operation as well.
 */

import assert from "node:assert/strict";
import {
  batchNorm,
  materialize,
  type Mode,
  normalizedActivation,
} from "../../src/tensor/operations/batch_norm.ts";
import { convolution } from "../../src/tensor/operations/convolution.ts";
import type { Tape } from "../../src/tensor/tape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertNear } from "../reference/compare.ts";
import { Graph, leaf, type Node } from "../reference/graph.ts";
import { elements, normalValues, uniformValues } from "../reference/values.ts";
import { differentiate, evaluate, type Input, normalInput } from "./record.ts";
import { weightedSum } from "./weighted_sum.ts";

const SEED = 20_250_618;

/** How the activation a of the batch norm is used; the result is one tensor. */
const USES = ["once", "3x3 then 1x1", "1x1 then 3x3", "3x3 and stored"] as const;

type Use = typeof USES[number];

/** N, C, H, W, K; the widths are those that subgroup kernels like, and others. */
const SHAPES = [[2, 8, 8, 8, 16], [3, 5, 7, 6, 4], [2, 16, 4, 4, 8]] as const;

type Extents = typeof SHAPES[number];

/** x, first weights, gamma, beta, 3x3 weights, 1x1 weights, running mean and variance. */
function inputsOf([n, c, h, w, k]: Extents): Input[] {
  return [
    normalInput([n, c, h, w], SEED),
    normalInput([c, c, 3, 3], SEED + 1),
    normalInput([c], SEED + 2),
    normalInput([c], SEED + 3),
    normalInput([k, c, 3, 3], SEED + 4),
    normalInput([k, c, 1, 1], SEED + 5),
    normalInput([c], SEED + 6),
    { shape: [c], values: uniformValues(c, 5, 20, SEED + 7) },
  ];
}

/** Inputs whose gradient the use reaches. */
const sourcesOf = (use: Use) => use === "once" ? [0, 1, 2, 3, 4] : [0, 1, 2, 3, 4, 5];

/** conv -> batch norm -> relu -> one or two convs, added up. */
function fused(tape: Tape, use: Use, mode: Mode, tensors: readonly Tensor[]): Tensor {
  const [x, w, gamma, beta, w3, w1, runningMean, runningVariance] = tensors as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const hidden = convolution(tape, x, w, { statistics: mode === "training" });
  const parameters = { gamma, beta, runningMean, runningVariance };
  const activation = normalizedActivation(tape, hidden, parameters, mode);
  switch (use) {
    case "once":
      return convolution(tape, activation, w3);
    case "3x3 then 1x1": {
      const residual = convolution(tape, activation, w3);
      return convolution(tape, activation, w1, { residual });
    }
    case "1x1 then 3x3": {
      const residual = convolution(tape, activation, w1);
      return convolution(tape, activation, w3, { residual });
    }
    case "3x3 and stored": {
      const residual = convolution(tape, activation, w3);
      return convolution(tape, materialize(tape, activation), w1, { residual });
    }
  }
}

/** The same, each operation by itself in float64. */
function reference([n, c, h, w, k]: Extents, use: Use, mode: Mode, inputs: readonly Input[]) {
  const graph = new Graph();
  const nodes = inputs.map(({ values }) => leaf(values));
  const [x, first, gamma, beta, w3, w1, mean, variance] = nodes as [
    Node,
    Node,
    Node,
    Node,
    Node,
    Node,
    Node,
    Node,
  ];
  const convolve = (input: Node, weights: Node, outChannels: number, kernelSize: number) =>
    graph.convolution(
      {
        batch: n,
        inChannels: c,
        height: h,
        width: w,
        outChannels,
        kernelSize,
        stride: 1,
        padding: (kernelSize - 1) / 2,
      },
      input,
      weights,
    );
  const hidden = convolve(x, first, c, 3);
  const running = mode === "evaluation"
    ? { mean: mean.value, variance: variance.value }
    : undefined;
  const activated = graph.relu(graph.batchNorm({ n, c, h, w }, hidden, gamma, beta, running));
  let y = convolve(activated, w3, k, 3);
  if (use !== "once") y = graph.add(y, convolve(activated, w1, k, 1));
  return { graph, nodes, activated, y };
}

for (const extents of SHAPES) {
  for (const mode of ["training", "evaluation"] as const) {
    for (const use of USES) {
      Deno.test(`a fused activation used ${use} in ${mode} and its gradients match the float64 reference at [${extents}]`, async () => {
        const inputs = inputsOf(extents);
        const sources = sourcesOf(use);
        const found = await differentiate(
          inputs,
          (tape, ...tensors) => fused(tape, use, mode, tensors),
          sources,
        );
        const expected = reference(extents, use, mode, inputs);
        assertNear(found.y, expected.y.value, 2e-5, "result");
        expected.y.gradient.set(found.weights);
        expected.graph.backward();
        for (const [i, source] of sources.entries()) {
          const { gradient } = expected.nodes[source]!;
          assertNear(found.gradients[i]!, gradient, 1e-4, `gradient of input ${source}`);
        }
      });
    }
  }
}

Deno.test("the gradient of a fused activation itself is not yet taken through its ReLU", async () => {
  const extents = SHAPES[0];
  const inputs = inputsOf(extents);
  const [n, c, h, w, k] = extents;
  const weights = normalValues(n * k * h * w, SEED);
  const { outputs } = await evaluate(inputs, (tape, ...tensors) => {
    const parameters = {
      gamma: tensors[2]!,
      beta: tensors[3]!,
      runningMean: tensors[6]!,
      runningVariance: tensors[7]!,
    };
    const hidden = convolution(tape, tensors[0]!, tensors[1]!);
    const activation = normalizedActivation(tape, hidden, parameters, "training");
    const loss = weightedSum(tape, convolution(tape, activation, tensors[4]!), weights);
    return tape.gradients([{ loss, weight: 1 }], [activation.value, tensors[2]!]);
  });
  const expected = reference(extents, "once", "training", inputs);
  expected.y.gradient.set(weights);
  expected.graph.backward();
  assertNear(outputs[0]!, expected.activated.gradient, 1e-4, "gradient of the activation");
  assertNear(outputs[1]!, expected.nodes[2]!.gradient, 1e-4, "gradient of gamma");
  assert.equal(outputs[0]!.length, n * c * h * w);
});

Deno.test("fused and separate batch norm leave the same running statistics", async () => {
  const extents = SHAPES[1];
  const inputs = inputsOf(extents);
  const run = async (fuse: boolean) => {
    const { outputs } = await evaluate(inputs, (tape, ...tensors) => {
      if (fuse) {
        fused(tape, "once", "training", tensors);
      } else {
        const hidden = convolution(tape, tensors[0]!, tensors[1]!);
        const parameters = {
          gamma: tensors[2]!,
          beta: tensors[3]!,
          runningMean: tensors[6]!,
          runningVariance: tensors[7]!,
        };
        batchNorm(tape, hidden, parameters, { mode: "training", relu: true });
      }
      return tensors.slice(6);
    });
    return outputs;
  };
  const [fusedStatistics, separate] = [await run(true), await run(false)];
  for (const i of [0, 1]) {
    assertNear(fusedStatistics[i]!, separate[i]!, 1e-6, ["mean", "variance"][i]!);
    assert.notDeepEqual(fusedStatistics[i], inputs[6 + i]!.values);
  }
});

Deno.test("materialize() gives the activation that the convolutions read", async () => {
  const inputs = inputsOf(SHAPES[1]);
  const { outputs } = await evaluate(
    inputs,
    (tape, x, _w, gamma, beta, _w3, _w1, mean, variance) => {
      const parameters = {
        gamma: gamma!,
        beta: beta!,
        runningMean: mean!,
        runningVariance: variance!,
      };
      const activation = normalizedActivation(tape, x!, parameters, "evaluation");
      const stored = batchNorm(tape, x!, parameters, { mode: "evaluation", relu: true });
      return [materialize(tape, activation), stored];
    },
  );
  assert.deepEqual(outputs[0], outputs[1]);
  assert.ok(outputs[0]!.some((value) => value > 0) && outputs[0]!.includes(0));
  assert.equal(outputs[0]!.length, elements(inputs[0]!.shape));
});
