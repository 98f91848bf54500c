import assert from "node:assert/strict";
import { readOnnx } from "../../src/formats/onnx.ts";
import { onnxElements } from "../../src/formats/onnx_elements.ts";
import { externalNames, readOnnxFiles } from "../../src/formats/onnx_file.ts";
import { rewriteOnnx } from "../../src/formats/onnx_write.ts";
import { refusal } from "../../src/formats/refusal.ts";
import { shared } from "../shared.ts";
import { assertRefused } from "./assertions.ts";
import { assertRefusesDamage } from "./mutate.ts";
import {
  attribute,
  bytes,
  float32,
  initializer,
  int,
  longInitializer,
  message,
  node,
  onnxFile,
  tensorFields,
  value,
  varint,
} from "./onnx_build.ts";
import { makeLink } from "../special_files.ts";

const SEED = 20_261_130;
const refuse = refusal("ONNX file", "a file");

/** A small graph with most of what the format has. */
const SMALL = onnxFile(
  13,
  value(11, "x", ["batch", 3, 4, 4]),
  value(11, "w", [2, 3, 1, 1]),
  initializer("w", [2, 3, 1, 1], [1, 2, 3, 4, 5, 6]),
  longInitializer("shape", [2], [0, -1]),
  node("Conv", ["x", "w", ""], ["y"], attribute("pads", [0, 0, 0, 0]), attribute("alpha", 0.5)),
  node(
    "Constant",
    [],
    ["c"],
    message(5, bytes(1, "value"), message(5, ...tensorFields("", [2], [7, 8])), int(20, 4)),
  ),
  node("Flatten", ["y"], ["z"], attribute("axis", 1), attribute("mode", "plain")),
  value(12, "z", ["batch", 32]),
);

const read = (file: Uint8Array<ArrayBuffer>) => readOnnx(file, "a file");

Deno.test("readOnnx() gives nodes, attributes, tensors, inputs and outputs", () => {
  const model = read(SMALL);
  assert.equal(model.opset, 13);
  assert.equal(model.producer, "test");
  assert.deepEqual(model.inputs, [{ name: "x", dtype: "float32", shape: ["batch", 3, 4, 4] }]);
  assert.deepEqual(model.outputs, [{ name: "z", dtype: "float32", shape: ["batch", 32] }]);
  const [convolution, constant, flatten] = model.nodes;
  assert.deepEqual(convolution!.inputs, ["x", "w", ""]);
  assert.deepEqual(convolution!.attributes.get("pads"), { kind: "ints", value: [0n, 0n, 0n, 0n] });
  assert.deepEqual(convolution!.attributes.get("alpha"), { kind: "float", value: 0.5 });
  assert.deepEqual(flatten!.attributes.get("axis"), { kind: "int", value: 1n });
  assert.deepEqual(flatten!.attributes.get("mode"), { kind: "string", value: "plain" });
  const inner = constant!.attributes.get("value")!;
  assert.ok(inner.kind === "tensor");
  assert.deepEqual(onnxElements(inner.value, model.files, refuse).data, Float32Array.of(7, 8));
  const tensors = [...model.initializers.values()].map((tensor) =>
    onnxElements(tensor, model.files, refuse)
  );
  assert.deepEqual(tensors, [
    { dtype: "float32", shape: [2, 3, 1, 1], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    { dtype: "int64", shape: [2], data: BigInt64Array.of(0n, -1n) },
  ]);
});

/** One initializer with given fields behind its shape and type. */
const oneTensor = (type: number, shape: number[], ...fields: number[][]) =>
  onnxFile(
    13,
    message(5, ...shape.map((extent) => int(1, extent)), int(2, type), bytes(8, "t"), ...fields),
    value(12, "t", shape),
  );

const halfBits = (value: number) => new DataView(Float16Array.of(value).buffer).getUint16(0, true);

for (
  const [what, file, expected] of [
    [
      "packed float_data",
      oneTensor(1, [3], bytes(4, float32(1, 2, 3))),
      Float32Array.of(1, 2, 3),
    ],
    [
      "unpacked float_data",
      oneTensor(1, [3], ...[1, 2, 3].map((v) => [4 << 3 | 5, ...float32(v)])),
      Float32Array.of(1, 2, 3),
    ],
    [
      "float_data in two packed pieces",
      oneTensor(1, [3], bytes(4, float32(1, 2)), bytes(4, float32(3))),
      Float32Array.of(1, 2, 3),
    ],
    [
      "float16 in int32_data",
      oneTensor(10, [2], bytes(5, [1.5, -2].flatMap((v) => varint(halfBits(v))))),
      Float32Array.of(1.5, -2),
    ],
    [
      "bool in int32_data",
      oneTensor(9, [3], int(5, 1), int(5, 0), int(5, 7)),
      Uint8Array.of(1, 0, 1),
    ],
    ["int8 in int32_data", oneTensor(3, [2], int(5, -3), int(5, 5)), Int8Array.of(-3, 5)],
    [
      "int64_data of ten bytes each",
      oneTensor(7, [2], bytes(7, [...varint(-1), ...varint(-(2n ** 63n))])),
      BigInt64Array.of(-1n, -(2n ** 63n)),
    ],
    [
      "double_data",
      oneTensor(11, [1], bytes(10, new Uint8Array(Float64Array.of(0.1).buffer))),
      Float64Array.of(0.1),
    ],
    ["no elements of an empty tensor", oneTensor(1, [0, 5]), new Float32Array(0)],
    ["a scalar", oneTensor(1, [], bytes(9, float32(4))), Float32Array.of(4)],
  ] as const
) {
  Deno.test(`readOnnx() reads ${what}`, () => {
    const model = read(file);
    const { data } = onnxElements(model.initializers.get("t")!, model.files, refuse);
    assert.deepEqual(data, expected);
  });
}

const nested = (depth: number): number[] =>
  depth === 0 ? [] : message(5, int(1, 1), ...[bytes(6, nested(depth - 1))]);

/** The hostile kinds: what is wrong, the file, what the message says. */
const HOSTILE: readonly (readonly [string, Uint8Array<ArrayBuffer>, RegExp])[] = [
  ["nothing", new Uint8Array(0), /no graph/],
  ["a group", Uint8Array.of(0x08, 8, 0x3b, 0x3c), /wire type 3/],
  ["wire type 6", Uint8Array.of(0x08, 8, 0x3e), /wire type 6/],
  ["field number 0", Uint8Array.of(0x08, 8, 0x02, 0), /field number 0/],
  ["a field number beyond 2^29", Uint8Array.of(0x08, 8, ...varint(2n ** 33n)), /field number/],
  ["a varint of eleven bytes", Uint8Array.of(0x08, ...Array(10).fill(0x80), 1), /varint of more/],
  ["a varint that never ends", Uint8Array.of(0x08, 0x80, 0x80), /truncated/],
  ["a length beyond the file", Uint8Array.of(0x3a, 100, 1), /of 100 bytes/],
  ["a length of 2^64 - 1", Uint8Array.of(0x3a, ...varint(-1)), /of 18446744073709551615 bytes/],
  [
    "a length beyond its message but inside the file",
    Uint8Array.from([...bytes(7, [0x0a, 9]), ...Array(20).fill(0)]),
    /the rest of its message/,
  ],
  ["text that is not UTF-8", onnxFile(13, message(1, bytes(4, [0xff, 0xfe]))), /not UTF-8/],
  [
    "more elements than bytes",
    onnxFile(13, message(5, int(1, 2 ** 40), int(2, 1), bytes(8, "t"), bytes(9, [0, 0, 0, 0]))),
    /4 bytes for tensor/,
  ],
  [
    "extents whose product overflows",
    onnxFile(13, message(5, int(1, 2 ** 40), int(1, 2 ** 40), int(2, 1), bytes(8, "t"))),
    /tensor|2\^53|fits/,
  ],
  ["a negative extent", onnxFile(13, message(5, int(1, -1), int(2, 1), bytes(8, "t"))), /-1/],
  [
    "65 dimensions",
    onnxFile(13, message(5, bytes(1, Array(65).fill(1)), int(2, 1), bytes(8, "t"))),
    /65 dimensions/,
  ],
  [
    "elements in two fields",
    oneTensor(1, [1], bytes(9, float32(1)), bytes(4, float32(1))),
    /two places/,
  ],
  ["elements of another type's field", oneTensor(1, [1], bytes(7, [1])), /in a field for int64/],
  ["raw data that is no whole number", oneTensor(1, [1], bytes(9, [1, 2, 3])), /3 bytes for/],
  ["text elements", oneTensor(8, [1], bytes(6, "a")), /of text/],
  ["an unknown element type", oneTensor(77, [1], bytes(9, [1])), /type number 77/],
  [
    "two initializers of a name",
    onnxFile(13, initializer("t", [1], [1]), initializer("t", [1], [1])),
    /two initializers/,
  ],
  [
    "two values of a name",
    onnxFile(13, node("Relu", ["x"], ["y"]), node("Relu", ["x"], ["y"])),
    /two values named "y"/,
  ],
  ["two inputs of a name", onnxFile(13, value(11, "x", [1]), value(11, "x", [1])), /two inputs/],
  [
    "two attributes of a name",
    onnxFile(13, node("Relu", ["x"], ["y"], attribute("a", 1), attribute("a", 1))),
    /two attributes/,
  ],
  [
    "two graphs",
    Uint8Array.from([...onnxFile(13), ...message(7)]),
    /second graph/,
  ],
  [
    "no opset",
    Uint8Array.from([...int(1, 8), ...message(7)]),
    /no version/,
  ],
  ["a sparse initializer", onnxFile(13, message(15)), /sparse/],
  [
    "a sequence as input",
    onnxFile(13, message(11, bytes(1, "x"), message(2, message(4)))),
    /no dense tensor/,
  ],
  [
    "a million empty attributes' numbers",
    onnxFile(13, node("A", [], ["y"], message(5, bytes(1, "v"), bytes(8, Array(30_000).fill(0))))),
    /more than \d+ parts/,
  ],
  [
    "a tensor in many pieces",
    oneTensor(1, [40], ...Array.from({ length: 20 }, () => bytes(4, float32(1, 2)))),
    /more than 16 pieces/,
  ],
];

for (const [what, file, pattern] of HOSTILE) {
  Deno.test(`readOnnx() refuses ${what}`, () => {
    assertRefused(() => read(file), pattern);
  });
}

Deno.test("readOnnx() does not descend into nested subgraphs, however many", () => {
  const file = onnxFile(
    13,
    node("If", ["c"], ["y"], message(5, bytes(1, "g"), bytes(6, nested(40)), int(20, 5))),
  );
  assert.deepEqual(read(file).nodes[0]!.attributes.get("g"), { kind: "other" });
});

Deno.test("readOnnx() refuses damage with a FormatError, soon", async () => {
  const files = [SMALL, oneTensor(1, [3], bytes(4, float32(1, 2, 3)))];
  await assertRefusesDamage(
    (damaged) => {
      const model = read(new Uint8Array(damaged));
      for (const tensor of model.initializers.values()) onnxElements(tensor, model.files, refuse);
    },
    files,
    SEED,
  );
});

Deno.test("rewriteOnnx() changes a tensor's bytes and appends metadata, and nothing else", () => {
  const model = read(SMALL);
  const tensor = model.initializers.get("w")!;
  const values = Float32Array.of(-1, -2, -3, -4, -5, -6);
  const out = rewriteOnnx(model, [{ tensor, values }], new Map([["lethe", "1"]])).get("")!;
  const again = read(out);
  assert.deepEqual(onnxElements(again.initializers.get("w")!, again.files, refuse).data, values);
  assert.deepEqual(again.metadata, new Map([["lethe", "1"]]));
  assert.ok(tensor.data.kind === "runs");
  const [run] = tensor.data.runs;
  const changed = [...SMALL.keys()].filter((i) => out[i] !== SMALL[i]);
  assert.ok(changed.length > 0);
  assert.ok(changed.every((i) => i >= run!.start && i < run!.start + 24), String(changed));
});

Deno.test("rewriteOnnx() rounds to float16 and writes unpacked elements where they are", () => {
  const half = read(oneTensor(10, [2], bytes(9, new Uint8Array(Float16Array.of(1, 2).buffer))));
  const unpacked = read(oneTensor(1, [2], ...[1, 2].map((v) => [4 << 3 | 5, ...float32(v)])));
  for (const [model, expected] of [[half, 0.0999755859375], [unpacked, 0.1]] as const) {
    const tensor = model.initializers.get("t")!;
    const files = rewriteOnnx(model, [{ tensor, values: Float32Array.of(0.1, 3) }]);
    const { data } = onnxElements(read(files.get("")!).initializers.get("t")!, files, refuse);
    assert.deepEqual(data, Float32Array.of(expected, 3));
  }
});

Deno.test("rewriteOnnx() refuses elements that have no fixed size", () => {
  const model = read(oneTensor(10, [1], int(5, 1)));
  const tensor = model.initializers.get("t")!;
  assertRefused(() => rewriteOnnx(model, [{ tensor, values: Float32Array.of(1) }]), /replaced/);
});

const entry = (key: string, text: string) => message(13, bytes(1, key), bytes(2, text));
const outside = (location: string, ...more: number[][]) =>
  oneTensor(1, [2], entry("location", location), ...more, int(14, 1));

for (const name of ["", "..", "../secret", "/etc/passwd", "a/b", "a\\b", "C:x", "a\0b"]) {
  Deno.test(`readOnnx() refuses tensors in the file ${JSON.stringify(name)}`, () => {
    assertRefused(() => read(outside(name)), /plain name of a file/);
  });
}

Deno.test("readOnnx() refuses external data of another length or a crooked offset", () => {
  assertRefused(() => read(outside("a", entry("length", "7"))), /7 bytes outside/);
  assertRefused(() => read(outside("a", entry("offset", "-1"))), /offset "-1"/);
  assertRefused(() => read(outside("a", entry("offset", "1e3"))), /offset "1e3"/);
});

Deno.test("readOnnxFiles() reads tensors beside the model, and rewrites them there", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = outside("net.data", entry("offset", "4"), entry("length", "8"));
    await Deno.writeFile(`${folder}/net.data`, Uint8Array.from(float32(9, 1, 2)));
    const model = await readOnnxFiles(file, `${folder}/net.onnx`);
    const tensor = model.initializers.get("t")!;
    assert.deepEqual(externalNames(model), ["net.data"]);
    assert.deepEqual(onnxElements(tensor, model.files, refuse).data, Float32Array.of(1, 2));
    const files = rewriteOnnx(model, [{ tensor, values: Float32Array.of(3, 4) }]);
    assert.deepEqual(files.get(""), file);
    assert.deepEqual(files.get("net.data"), Uint8Array.from(float32(9, 3, 4)));
    assert.deepEqual(model.files.get("net.data"), Uint8Array.from(float32(9, 1, 2)));

    await Deno.writeFile(`${folder}/net.data`, Uint8Array.from(float32(9, 1)));
    const short = await readOnnxFiles(file, `${folder}/net.onnx`);
    assertRefused(() => onnxElements(short.initializers.get("t")!, short.files, refuse), /byte 12/);
    await Deno.remove(`${folder}/net.data`);
    const reading = readOnnxFiles(file, `${folder}/net.onnx`);
    await assert.rejects(reading, /cannot read "net\.data".*no such file/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readOnnxFiles() refuses a link that leads out of the model's folder", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/model`);
    await Deno.writeFile(`${folder}/secret`, new Uint8Array(8));
    await makeLink(`${folder}/secret`, `${folder}/model/net.data`);
    const reading = readOnnxFiles(outside("net.data"), `${folder}/model/net.onnx`);
    await assert.rejects(reading, /a link to .*secret, expected a file in the model's folder/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const goldens = shared("golden/families/onnx/");

Deno.test(
  { name: "readOnnx() reads all networks of the shared goldens", ignore: !goldens },
  async () => {
    let count = 0;
    for await (const { name } of Deno.readDir(goldens!)) {
      const file = await Deno.readFile(new URL(name, goldens));
      const model = readOnnx(file, name);
      assert.deepEqual(model.inputs.map((input) => input.shape?.slice(1)), [[3, 32, 32]], name);
      for (const tensor of model.initializers.values()) {
        assert.ok(tensor.name !== "");
        onnxElements(tensor, model.files, refuse);
      }
      assert.deepEqual(rewriteOnnx(model, []).get(""), file);
      count++;
    }
    assert.equal(count, 18);
  },
);
