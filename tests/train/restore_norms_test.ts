import assert from "node:assert/strict";
import { PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import type { NamedState } from "../../src/nn/state.ts";
import { floats } from "../../src/nn/state.ts";
import { loadModel, recordForward } from "../../src/nn/model.ts";
import { onnxNetwork } from "../../src/nn/onnx_model.ts";
import { readOnnx } from "../../src/formats/onnx.ts";
import { restoreNorms } from "../../src/train/restore_norms.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { attribute, initializer, node, onnxFile, value } from "../formats/onnx_build.ts";
import { gpu } from "../gpu/device.ts";
import { assertNear } from "../reference/compare.ts";
import { normalValues, wholeValues } from "../reference/values.ts";
import { evaluate } from "../tensor/record.ts";

const SEED = 20_261_130;

const tensor = (name: string, shape: readonly number[], seed: number) =>
  initializer(name, shape, [...normalValues(shape.reduce((a, b) => a * b, 1), seed)]);

/** Two convolutions with bias, one depthwise, a sum and a head: what an export with folded norms is. */
const FILE = onnxFile(
  17,
  value(11, "x", ["N", 3, 6, 6]),
  tensor("a.weight", [4, 3, 3, 3], 1),
  tensor("a.bias", [4], 2),
  tensor("b.weight", [4, 1, 3, 3], 3),
  tensor("b.bias", [4], 4),
  tensor("fc.weight", [3, 4], 5),
  tensor("fc.bias", [3], 6),
  node("Conv", ["x", "a.weight", "a.bias"], ["a"], attribute("pads", [1, 1, 1, 1])),
  node("Relu", ["a"], ["ar"]),
  node(
    "Conv",
    ["ar", "b.weight", "b.bias"],
    ["b"],
    attribute("pads", [1, 1, 1, 1]),
    attribute("group", 4),
  ),
  node("Add", ["ar", "b"], ["sum"]),
  node("Relu", ["sum"], ["r"]),
  node("GlobalAveragePool", ["r"], ["p"]),
  node("Flatten", ["p"], ["f"]),
  node("Gemm", ["f", "fc.weight", "fc.bias"], ["y"], attribute("transB", 1)),
  value(12, "y", ["N", 3]),
);

const IMAGES = {
  pixels: Uint8Array.from(wholeValues(70 * 3 * 36, 256, SEED)),
  labels: new Uint16Array(70),
  height: 6,
  width: 6,
};

async function logits({ architecture, state }: NamedState, mode: "training" | "evaluation") {
  using model = loadModel(gpu, architecture, state, "a file");
  const x = { shape: [5, 3, 6, 6], values: normalValues(5 * 108, SEED) };
  const { outputs } = await evaluate(
    [x],
    (tape, input) => [recordForward(tape, model, input!, mode).logits],
  );
  return outputs[0]!;
}

Deno.test("restoreNorms() changes nothing in evaluation, normalises in training, and folds away", async () => {
  const network = onnxNetwork(readOnnx(FILE, "a file"));
  using store = uploadImages(gpu, IMAGES);
  const options = { source: "a file", preprocessing: PLAIN_PREPROCESSING };
  const restored = await restoreNorms(gpu, network, store, options);
  assert.ok(restored);
  assert.equal(restored.norms, 2);
  assert.equal(restored.network.architecture.norms.length, 2);

  const before = await logits({ ...network, source: "a file" }, "evaluation");
  assertNear(await logits(restored.network, "evaluation"), before, 1e-5, "with norms");
  const trained = await logits(restored.network, "training");
  assert.ok(trained.some((each, i) => Math.abs(each - before[i]!) > 0.1), "batch statistics");

  const folded = restored.fold(restored.network.state);
  assert.deepEqual([...folded.keys()], [...network.state.keys()]);
  for (const [name, { data }] of network.state) {
    assertNear(floats(folded.get(name)!), data as Float32Array, 1e-6, name);
  }

  // Whatever training makes of the norms, the folded network computes the same.
  const moved: StateDict = new Map(
    [...restored.network.state].map(([name, entry], i) => [name, {
      ...entry,
      data: floats(entry).map((each, j) => each * 1.1 + 0.01 * ((i + j) % 3)),
    }]),
  );
  const expected = await logits({ ...restored.network, state: moved }, "evaluation");
  const { architecture } = network;
  const state = restored.fold(moved);
  assertNear(
    await logits({ architecture, state, source: "x" }, "evaluation"),
    expected,
    1e-5,
    "fold",
  );
});

Deno.test("restoreNorms() measures the mean and variance of each convolution's output", async () => {
  const network = onnxNetwork(readOnnx(FILE, "a file"));
  using store = uploadImages(gpu, IMAGES);
  const options = { source: "a file", preprocessing: PLAIN_PREPROCESSING };
  const restored = await restoreNorms(gpu, network, store, options);
  const state = restored!.network.state;
  // By hand: the first convolution on the first 64 images.
  const [w, b] = ["a.weight", "a.bias"].map((name) => floats(network.state.get(name)!));
  const sums = new Float64Array(4);
  const squares = new Float64Array(4);
  const count = 64 * 36;
  for (let n = 0; n < 64; n++) {
    for (let k = 0; k < 4; k++) {
      for (let y = 0; y < 6; y++) {
        for (let x = 0; x < 6; x++) {
          let sum = b![k]!;
          for (let c = 0; c < 3; c++) {
            for (let r = 0; r < 9; r++) {
              const [row, column] = [y + Math.floor(r / 3) - 1, x + r % 3 - 1];
              if (row < 0 || row > 5 || column < 0 || column > 5) continue;
              const pixel = IMAGES.pixels[n * 108 + c * 36 + row * 6 + column]! / 255;
              sum += pixel * w![k * 27 + c * 9 + r]!;
            }
          }
          sums[k]! += sum / count;
          squares[k]! += sum * sum / count;
        }
      }
    }
  }
  const found = (part: string) => floats(state.get(`a.weight norm ${part}`)!);
  assertNear(found("running_mean"), sums, 1e-5, "mean");
  const variance = squares.map((each, k) => each - sums[k]! ** 2);
  assertNear(found("running_var"), variance, 1e-4, "variance");
  assertNear(found("weight"), variance.map((each) => Math.sqrt(each + 1e-5)), 1e-4, "gamma");
});

Deno.test("restoreNorms() has nothing to do where norms stand", async () => {
  const file = onnxFile(
    17,
    value(11, "x", ["N", 3, 6, 6]),
    tensor("a.weight", [4, 3, 1, 1], 1),
    node("Conv", ["x", "a.weight"], ["a"]),
    node("GlobalAveragePool", ["a"], ["p"]),
    value(12, "p", ["N", 4, 1, 1]),
  );
  using store = uploadImages(gpu, IMAGES);
  const options = { source: "a file", preprocessing: PLAIN_PREPROCESSING };
  const network = onnxNetwork(readOnnx(file, "a file"));
  assert.equal(await restoreNorms(gpu, network, store, options), undefined);
});
