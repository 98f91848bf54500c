/** ONNX's backend tests on the importer and the float64 interpreter: what a graph means is right. */

import assert from "node:assert/strict";
import { elementCount } from "../../src/formats/host_tensor.ts";
import { namedTensors } from "../../src/formats/onnx.ts";
import { onnxElements } from "../../src/formats/onnx_elements.ts";
import { refusal } from "../../src/formats/refusal.ts";
import { buildGraph } from "../../src/nn/graph_build.ts";
import { interpret } from "../reference/network.ts";
import { shared } from "../shared.ts";
import {
  type BackendTest,
  excess,
  isSetting,
  OUT_OF_SCOPE,
  readBackendTests,
  withFixedInputs,
} from "./backend_tests.ts";

const archive = shared("onnx/node-tests.tar.gz");

/** Outputs that are compared: of norms in training mode and of masks only the first exists here. */
function run(test: BackendTest, fixed: (i: number) => boolean): void {
  const model = withFixedInputs(test, fixed);
  const free = test.inputs.filter((_, i) => !fixed(i));
  const shapes = new Map(model.inputs.map(({ name }, i) => [name, free[i]!.shape]));
  const checked = /training_mode|layer_normalization/.test(test.name) ? 1 : test.outputs.length;
  const outputs = model.outputs.slice(0, checked).map(({ name }) => name);
  const graph = buildGraph(model, { shapes, outputs });
  const inputs = free.map(({ shape, data }) => ({
    shape,
    data: Float64Array.from(data as ArrayLike<number>),
  }));
  const tensors = namedTensors(model);
  const state = (name: string) => {
    const tensor = tensors.get(name)!;
    return onnxElements(tensor, model.files, refusal("test", test.name)).data as Float32Array;
  };
  const mode = /training_mode/.test(test.name) ? "training" : "evaluation";
  const { values } = interpret(graph, inputs, state, mode);
  for (const [i, output] of graph.outputs.entries()) {
    const expected = test.outputs[i]!;
    const found = values[output]!;
    assert.equal(found.data.length, elementCount(expected.shape), `${test.name}: elements`);
    assert.deepEqual(found.shape, expected.shape, `${test.name}: shape`);
    const over = excess(found.data, expected);
    assert.ok(over === 0, `${test.name}: output ${i} is off by ${over} beyond its tolerance`);
  }
}

/** Runs all tests and returns the names of those that fail, with the reason. */
function failures(tests: readonly BackendTest[], fixed: (test: BackendTest, i: number) => boolean) {
  const failed = new Map<string, string>();
  for (const test of tests) {
    try {
      run(test, (i) => fixed(test, i));
    } catch (error) {
      failed.set(test.name, String(error));
    }
  }
  return failed;
}

const tests = archive ? await readBackendTests(archive) : [];

for (
  const [what, fixed] of [
    ["as they are given", (test: BackendTest, i: number) => isSetting(test.inputs[i]!, i)],
    [
      "with all inputs but the first as tensors of the file",
      (test: BackendTest, i: number) => i > 0 || isSetting(test.inputs[i]!, i),
    ],
  ] as const
) {
  Deno.test({
    name: `buildGraph() passes ONNX's backend tests ${what}, but those out of scope`,
    ignore: !archive,
  }, () => {
    assert.equal(tests.length, 311);
    const failed = failures(tests, fixed);
    const unexpected = [...failed].filter(([name]) => !OUT_OF_SCOPE.has(name));
    assert.deepEqual(unexpected, []);
    assert.deepEqual([...OUT_OF_SCOPE.keys()].filter((name) => !failed.has(name)), []);
  });
}

Deno.test("At most one in twenty of ONNX's backend tests is out of scope", () => {
  assert.ok(OUT_OF_SCOPE.size <= 311 / 20);
});
