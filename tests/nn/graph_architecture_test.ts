import assert from "node:assert/strict";
import { readOnnx } from "../../src/formats/onnx.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import { onnxNetwork, writeOnnxState } from "../../src/nn/onnx_model.ts";
import { floats } from "../../src/nn/state.ts";
import { FAMILIES, goldens, readExport, readGolden } from "./families.ts";
import { checkEvaluation, checkTraining } from "./run_golden.ts";

for (const name of FAMILIES) {
  Deno.test({
    name: `${name}.folded.onnx computes on the GPU what PyTorch does`,
    ignore: !goldens,
  }, async () => {
    const { architecture, state } = onnxNetwork(await readExport(name, "folded"));
    await checkEvaluation(name, architecture, state, await readGolden(name));
  });

  Deno.test({
    name: `${name}.training.onnx has PyTorch's gradients on the GPU`,
    ignore: !goldens,
  }, async () => {
    // The export has moved the running statistics, under names of its own.
    const { architecture, state } = onnxNetwork(await readExport(name, "training"));
    const values = new Map(await readGolden(name));
    for (const { name: entry, kind } of architecture.entries) {
      if (kind === "statistic") values.delete(`after/${entry}`);
    }
    await checkTraining(name, architecture, state, values);
  });

  Deno.test({
    name: `${name}.evaluation.onnx computes and trains on the GPU as PyTorch does`,
    ignore: !goldens,
  }, async () => {
    const { architecture, state } = onnxNetwork(await readExport(name, "evaluation"));
    const values = await readGolden(name);
    await checkEvaluation(name, architecture, state, values);
    const { compared } = await checkTraining(name, architecture, state, values);
    // A few tensors have names of the exporter's making.
    assert.ok(compared > 0.8 * architecture.entries.length, `${compared} tensors compared`);
  });
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
