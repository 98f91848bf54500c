/** Runs a network on the images of a golden and compares all that the golden holds. */

import type { StateDict } from "../../src/formats/host_tensor.ts";
import type { Architecture, ForwardResult } from "../../src/nn/architecture.ts";
import { loadModel, readModel, tensorLookup } from "../../src/nn/model.ts";
import { floats } from "../../src/nn/state.ts";
import { attentionMap } from "../../src/tensor/operations/attention.ts";
import { crossEntropy } from "../../src/tensor/operations/cross_entropy.ts";
import { buildProgram } from "../../src/tensor/program.ts";
import { Tape } from "../../src/tensor/tape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { gpu } from "../gpu/device.ts";
import { assertNear } from "../reference/compare.ts";
import { free, upload } from "../tensor/record.ts";
import { golden } from "./families.ts";

/** Share of the largest value that an error may have. */
const TOLERANCE = 1e-4;

/** Of the state after a step, of each tensor's largest. */
const STATE_TOLERANCE = 1e-5;

/**
 * In MobileNetV2's golden three values in training lie within 2e-6 of a bound of ReLU6, where the
 * derivative jumps: float32 may take the other side, and then the layers before them move by a little.
 * The layers behind them are held to the usual tolerance.
 */
const KINK_TOLERANCE = 3e-3;
const isBeforeKink = (network: string, entry: string) =>
  network === "mobilenet_v2_cifar" && /^features\.(\d|1[0-2])\./.test(entry);

/** The goldens' step: SGD with Nesterov momentum, whose first velocity is the gradient. */
const STEP = { rate: 0.01, momentum: 0.9, weightDecay: 1e-4 };

/** Records a network on the golden's images; runs once; reads what `wanted` returns. */
async function run(
  architecture: Architecture,
  state: StateDict,
  goldenValues: StateDict,
  mode: "training" | "evaluation",
  wanted: (
    tape: Tape,
    result: ForwardResult,
    lookup: (name: string) => Tensor,
    labels: Tensor,
  ) => Tensor[],
): Promise<{ values: Float32Array<ArrayBuffer>[]; after: StateDict }> {
  using model = loadModel(gpu, architecture, state, architecture.name);
  const uploaded = upload([
    { shape: [4, 3, 32, 32], values: golden(goldenValues, "x") },
    { shape: [4], values: Uint32Array.from(golden(goldenValues, "labels")) },
  ]);
  const [images, labels] = uploaded as [Tensor, Tensor];
  // The plain kernels, whose compilation is quick; the others are held to them by tests of their own.
  const tape = new Tape({ ...gpu.capabilities, subgroupSize: 0 });
  try {
    const result = architecture.forward(tape, tensorLookup(model), images, mode);
    const results = wanted(tape, result, tensorLookup(model), labels)
      .map((tensor) => tape.keep(tensor));
    using program = buildProgram(gpu, tape);
    program.prepare();
    program.run();
    const values: Float32Array<ArrayBuffer>[] = [];
    for (const tensor of results) values.push(await program.read(tensor));
    return { values, after: await readModel(gpu, model) };
  } finally {
    free(uploaded);
  }
}

/** Logits and attention maps in evaluation mode. */
export async function checkEvaluation(
  name: string,
  architecture: Architecture,
  state: StateDict,
  values: StateDict,
): Promise<void> {
  const known = [...values.keys()].filter((key) => key.startsWith("attention_eval_"));
  const { values: [logits, ...maps] } = await run(
    architecture,
    state,
    values,
    "evaluation",
    (tape, { logits, taps }) => [
      logits,
      ...taps.map((tap) => attentionMap(tape, tap, { power: 2, reduction: "sum" })),
    ],
  );
  assertNear(logits!, golden(values, "logits_eval"), TOLERANCE, "logits");
  for (const [i, map] of maps.entries()) {
    // There the last golden is of what an average pool makes of the tap, which is not tapped.
    if (name === "mixed_ops" && i === 2) continue;
    const expected = golden(values, known[known.length - maps.length + i]!);
    assertNear(map, expected, TOLERANCE, `attention map ${i}`);
  }
}

/** Logits and loss in training mode, every parameter after a step, and running statistics. */
export async function checkTraining(
  name: string,
  architecture: Architecture,
  state: StateDict,
  values: StateDict,
): Promise<{ compared: number }> {
  const parameters = architecture.entries.filter((entry) => entry.kind === "parameter");
  const { values: [logits, loss, ...gradients], after } = await run(
    architecture,
    state,
    values,
    "training",
    (tape, { logits }, lookup, labels) => {
      const loss = crossEntropy(tape, logits, labels);
      const sources = parameters.map((entry) => lookup(entry.name));
      return [logits, loss, ...tape.gradients([{ loss, weight: 1 }], sources)];
    },
  );
  assertNear(logits!, golden(values, "logits_train"), TOLERANCE, "training logits");
  assertNear(loss!, golden(values, "loss"), TOLERANCE, "loss");
  let compared = 0;
  const compare = (entry: string, found: ArrayLike<number>, tolerance: number) => {
    const expected = values.get(`after/${entry}`);
    if (!expected) return;
    assertNear(found, floats(expected), tolerance, entry);
    compared++;
  };
  const { rate, momentum, weightDecay } = STEP;
  for (const [i, { name: entry }] of parameters.entries()) {
    const stepped = floats(state.get(entry)!).map((value, j) =>
      value - rate * (1 + momentum) * (gradients[i]![j]! + weightDecay * value)
    );
    compare(entry, stepped, isBeforeKink(name, entry) ? KINK_TOLERANCE : STATE_TOLERANCE);
  }
  for (const { name: entry, kind } of architecture.entries) {
    if (kind === "statistic") compare(entry, floats(after.get(entry)!), STATE_TOLERANCE);
  }
  return { compared };
}
