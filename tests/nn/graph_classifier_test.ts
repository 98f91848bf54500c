import assert from "node:assert/strict";
import { importClassifier } from "../../src/nn/graph_classifier.ts";
import { readOnnx } from "../../src/formats/onnx.ts";
import { chooseTaps } from "../../src/nn/graph_taps.ts";
import { findHead } from "../../src/nn/graph_logits.ts";
import {
  attribute,
  initializer,
  longInitializer,
  node,
  onnxFile,
  value,
} from "../formats/onnx_build.ts";
import { assertRefused } from "../formats/assertions.ts";
import { assertRefusesDamage } from "../formats/mutate.ts";
import { assertNear } from "../reference/compare.ts";
import { interpret } from "../reference/network.ts";
import { shared } from "../shared.ts";
import { FAMILIES, golden, goldens, KINDS, readExport, readGolden, stateOf } from "./families.ts";

/** Share of the largest logit that an error may have; the files hold float32 weights. */
const TOLERANCE = 1e-4;

/** Channels, height and width of each tap that section 6 of the network survey names. */
const TAPS: Readonly<Record<string, readonly string[]>> = {
  resnet18_cifar: ["16,16,16", "32,8,8", "64,4,4"],
  preact_resnet18: ["16,16,16", "32,8,8", "64,4,4"],
  vgg16_bn_cifar: ["32,8,8", "64,4,4", "64,2,2"],
  mobilenet_v2_cifar: ["16,16,16", "24,8,8", "96,4,4"],
  densenet_small: ["40,32,32", "52,16,16", "50,8,8"],
  mixed_ops: ["32,16,16", "24,8,8", "24,4,4"],
};

for (const name of FAMILIES) {
  for (const kind of KINDS) {
    Deno.test({
      name: `importClassifier() gives ${name}.${kind}.onnx PyTorch's logits and maps`,
      ignore: !goldens,
    }, async () => {
      const values = await readGolden(name);
      const model = await readExport(name, kind);
      const { graph, size } = importClassifier(model);
      assert.deepEqual(size, { height: 32, width: 32 });
      const x = { shape: [4, 3, 32, 32], data: Float64Array.from(golden(values, "x")) };
      const state = stateOf(model);
      if (kind !== "folded") {
        const trained = interpret(graph, [x], state, "training").values[graph.outputs[0]!]!;
        assertNear(trained.data, golden(values, "logits_train"), TOLERANCE, "training logits");
      }
      const taps = chooseTaps(graph);
      assert.deepEqual(
        taps.map((tap) => graph.values[tap]!.shape.slice(1).join()),
        TAPS[name],
        kind,
      );
      const head = findHead(graph);
      assert.ok(head, "a linear head");
      assert.equal(graph.values[head.features]!.shape.length, 2);
      // An export in training mode has moved the running statistics.
      if (kind === "training") return;
      const evaluated = interpret(graph, [x], state).values;
      const logits = evaluated[graph.outputs[0]!]!;
      assertNear(logits.data, golden(values, "logits_eval"), TOLERANCE, "logits");
      const known = [...values.keys()].filter((key) => key.startsWith("attention_eval_"));
      for (const [i, tap] of taps.entries()) {
        // There the last golden is of what an average pool makes of the tap, which is not tapped.
        if (name === "mixed_ops" && i === 2) continue;
        const { shape, data } = evaluated[tap]!;
        const [n, channels, height, width] = shape as [number, number, number, number];
        const map = new Float64Array(n * height * width);
        for (const [j, each] of data.entries()) {
          const image = Math.floor(j / (channels * height * width));
          map[image * height * width + j % (height * width)]! += each * each;
        }
        const expected = golden(values, known[known.length - taps.length + i]!);
        assertNear(map, expected, TOLERANCE, `attention map ${i}`);
      }
    });
  }
}

const models = shared("onnx/models/");

/** The generator of `outputs.json`. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Outputs {
  readonly models: Readonly<
    Record<string, {
      readonly shape: readonly number[];
      readonly values: string;
      readonly outputs: readonly string[];
      readonly rows: readonly (Readonly<Record<string, number[]>> & { readonly k: number })[];
    }>
  >;
}

for (const name of ["ppocr_angle.onnx", "face_expression.onnx"]) {
  Deno.test({
    name: `importClassifier() gives ${name} ONNX Runtime's outputs`,
    ignore: !models,
  }, async () => {
    const recorded: Outputs = JSON.parse(await Deno.readTextFile(new URL("outputs.json", models)));
    const { shape, values, outputs, rows } = recorded.models[name]!;
    const model = readOnnx(await Deno.readFile(new URL(name, models)), name);
    const [, channels, height, width] = shape as [number, number, number, number];
    const { graph, cut } = importClassifier(model, { size: { height, width } });
    assert.equal(cut, "softmax");
    // The interpreter is slow: one image is enough.
    const row = rows[1]!;
    const random = mulberry32(1000 + row.k);
    const scale = values.startsWith("u * 2")
      ? (u: number) => u * 2 - 1
      : (u: number) => Math.floor(256 * u);
    const data = Float64Array.from({ length: channels * height * width }, () => scale(random()));
    assertNear(data.subarray(0, row["first"]!.length), row["first"]!, 1e-6, "first pixels");
    const { values: found } = interpret(graph, [{ shape, data }], stateOf(model));
    const logits = found[graph.outputs[0]!]!.data;
    const most = Math.max(...logits);
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
    const shares = logits.map((logit) => Math.exp(logit - most) / total);
    assertNear(shares, row[outputs[0]!]!, TOLERANCE, "probabilities");
  });
}

const weights = (shape: readonly number[]) =>
  initializer(
    "w",
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 8),
  );

/** A classifier of 2x2 images; `reshape` holds the target shape of what precedes the last layer. */
const frozen = (batch: number | string, reshape: readonly number[]) =>
  readOnnx(
    onnxFile(
      17,
      value(11, "x", [batch, 3, 2, 2]),
      weights([5, 12]),
      longInitializer("shape", [2], reshape),
      node("Reshape", ["x", "shape"], ["flat"]),
      node("Gemm", ["flat", "w"], ["y"], attribute("transB", 1)),
      node("Softmax", ["y"], ["z"]),
      value(12, "z", [batch, 5]),
    ),
    "a file",
  );

for (
  const [batch, reshape] of [[1, [1, -1]], [1, [1, 12]], [4, [4, -1]], ["N", [-1, 12]], ["N", [
    0,
    -1,
  ]]] as const
) {
  Deno.test(`importClassifier() frees a batch of ${batch} from a reshape to [${reshape}]`, () => {
    const { graph, cut } = importClassifier(frozen(batch, reshape));
    assert.equal(cut, "softmax");
    assert.deepEqual(graph.values[graph.outputs[0]!]!.shape, ["N", 5]);
    assert.deepEqual(findHead(graph)!.head, { weight: "w", bias: undefined, transposed: false });
  });
}

Deno.test("importClassifier() refuses a network that mixes the images of a batch", () => {
  const model = readOnnx(
    onnxFile(
      17,
      value(11, "x", ["N", 3, 2, 2]),
      longInitializer("shape", [2], [1, -1]),
      node("GlobalAveragePool", ["x"], ["a"]),
      node("Reshape", ["a", "shape"], ["y"]),
      value(12, "y", [1, "K"]),
    ),
    "a file",
  );
  assertRefused(() => importClassifier(model), /\[1, 6\] for two images and \[1, 9\] for three/);
});

Deno.test("importClassifier() names everything that is not supported, all at once", () => {
  const model = readOnnx(
    onnxFile(
      17,
      value(11, "x", ["N", 3, 4, 4]),
      node("ConvTranspose", ["x", "x"], ["a"]),
      node("Relu", ["a"], ["b"]),
      node("Einsum", ["b"], ["c"]),
      node("NonZero", ["x"], ["d"]),
      value(12, "c", ["N", 5]),
    ),
    "a file",
  );
  assertRefused(() => importClassifier(model), /"ConvTranspose".*"Einsum".*"NonZero"/);
});

Deno.test("importClassifier() takes images that the file wants as (N,H,W,C) as (N,C,H,W)", () => {
  const model = readOnnx(
    onnxFile(
      17,
      value(11, "x", ["N", 4, 4, 3]),
      initializer("w", [2, 3, 1, 1], [1, 2, 3, 4, 5, 6]),
      node("Transpose", ["x"], ["a"], attribute("perm", [0, 3, 1, 2])),
      node("Conv", ["a", "w"], ["b"]),
      node("GlobalAveragePool", ["b"], ["c"]),
      value(12, "c", ["N", 2, 1, 1]),
    ),
    "a file",
  );
  const { graph } = importClassifier(model);
  assert.deepEqual(graph.values[graph.inputs[0]!]!.shape, ["N", 3, 4, 4]);
  assert.deepEqual(graph.nodes.map(({ operator }) => operator.kind), [
    "convolution",
    "reduce",
    "reshape",
  ]);
});

Deno.test("importClassifier() makes two logits of one sigmoid unit", () => {
  const model = readOnnx(
    onnxFile(
      17,
      value(11, "x", ["N", 3, 2, 2]),
      weights([1, 12]),
      node("Flatten", ["x"], ["flat"]),
      node("Gemm", ["flat", "w"], ["y"], attribute("transB", 1)),
      node("Sigmoid", ["y"], ["z"]),
      value(12, "z", ["N", 1]),
    ),
    "a file",
  );
  const { graph, cut } = importClassifier(model);
  assert.equal(cut, "sigmoid");
  const x = { shape: [1, 3, 2, 2], data: new Float64Array(12).fill(1) };
  const { values } = interpret(graph, [x], stateOf(model));
  assert.deepEqual([...values[graph.outputs[0]!]!.data], [0, 66 / 8]);
});

Deno.test("importClassifier() refuses damaged models with a FormatError, soon", async () => {
  const file = onnxFile(
    12,
    value(11, "x", [1, 3, 6, 6]),
    initializer("w", [2, 3, 3, 3], Array(54).fill(0.1)),
    initializer("v", [2, 2], [1, 2, 3, 4]),
    longInitializer("shape", [2], [1, -1]),
    node("Conv", ["x", "w"], ["a"], attribute("pads", [1, 1, 1, 1]), attribute("strides", [2, 1])),
    node("MaxPool", ["a"], ["b"], attribute("kernel_shape", [2, 2]), attribute("ceil_mode", 1)),
    node("Clip", ["b"], ["c"]),
    node("Concat", ["c", "c"], ["d"], attribute("axis", 1)),
    node("Slice", ["d", "shape", "shape"], ["unused"]),
    node("Split", ["d"], ["e", "f"], attribute("axis", 1)),
    node("ReduceMean", ["e"], ["g"], attribute("axes", [2, 3])),
    node("Shape", ["g"], ["s"]),
    node("Reshape", ["g", "shape"], ["h"]),
    node("MatMul", ["h", "v"], ["y"]),
    node("Softmax", ["y"], ["z"], attribute("axis", 1)),
    value(12, "z", [1, 2]),
  );
  await assertRefusesDamage(
    (damaged) => importClassifier(readOnnx(new Uint8Array(damaged), "a file")),
    [file],
    20_261_201,
  );
});
