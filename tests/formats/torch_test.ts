import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import { readTorch } from "../../src/formats/torch.ts";
import { writeTorch } from "../../src/formats/torch_write.ts";
import { readZipDirectory } from "../../src/formats/zip.ts";
import { refusal } from "../../src/formats/refusal.ts";
import { shared } from "../shared.ts";
import { assertRefused, assertSameTensors, tensor } from "./assertions.ts";
import {
  dictionary,
  float32Bytes,
  global,
  integer,
  legacyFile,
  pickle,
  storage,
  text,
  tuple,
  view,
  zipFile,
} from "./pickle_build.ts";
import { stateDicts } from "./state_dicts.ts";

const SEED = 20240611;

const values = float32Bytes(0, 1, 2, 3, 4, 5);

/** A bare state dict of one tensor over six floats. */
const one = (shape: number[], strides: number[], offset = 0) =>
  pickle(dictionary(text("w"), view(storage("FloatStorage", "0", 6), offset, shape, strides)));

Deno.test("writeTorch() and readTorch() keep names, types, shapes and bits", () => {
  fc.assert(
    fc.property(stateDicts(), (state) => {
      if (state.size === 0) return;
      assertSameTensors(readTorch(writeTorch(state), "a file").tensors, state);
    }),
    { seed: SEED },
  );
});

Deno.test("writeTorch() aligns storages to 64 bytes and depends on nothing but its argument", () => {
  const state: StateDict = new Map([
    ["a", tensor("float32", [3], Float32Array.of(1, 2, 3))],
    ["b", tensor("int64", [], BigInt64Array.of(7n))],
  ]);
  const bytes = writeTorch(state);
  assert.deepEqual(bytes, writeTorch(state));
  for (const [name, { packed }] of readZipDirectory(bytes, refusal("ZIP", "a file"))) {
    assert.equal(packed.byteOffset % 64, 0, name);
  }
});

Deno.test("readTorch() gathers views that are not contiguous", () => {
  const read = (shape: number[], strides: number[], offset = 0) => {
    const { data } = readTorch(zipFile(one(shape, strides, offset), { 0: values }), "a file")
      .tensors.get("w")!;
    return [...data];
  };
  assert.deepEqual(read([2, 3], [3, 1]), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(read([3, 2], [1, 3]), [0, 3, 1, 4, 2, 5]);
  assert.deepEqual(read([2, 2], [3, 1], 1), [1, 2, 4, 5]);
  assert.deepEqual(read([2, 1, 3], [0, 99, 2], 1), [1, 3, 5, 1, 3, 5]);
  assert.deepEqual(read([], [], 4), [4]);
  assert.deepEqual(read([0, 7], [7, 1]), []);
});

Deno.test("readTorch() reads both formats, views of storages included", () => {
  const nested = pickle(dictionary(
    text("state_dict"),
    [
      global("collections", "OrderedDict"),
      ")R(",
      text("weight"),
      view(storage("FloatStorage", "k", 6), 2, [2], [2]),
      text("steps"),
      view(storage("LongStorage", "n", 1), 0, [], []),
      "u}(",
      text("_metadata"),
      "}ub",
    ],
    text("epoch"),
    integer(13),
    text("best_prec"),
    [0x47, 0x40, 0x55, 0x69, 0x99, 0x99, 0x99, 0x99, 0x9a],
    text("arch"),
    text("WRN-16-1"),
    text("done"),
    0x88,
    text("optimizer"),
    dictionary(text("lr"), integer(1)),
  ));
  const steps = new Uint8Array(BigInt64Array.of(-5n).buffer);
  for (
    const file of [
      zipFile(nested, { k: values, n: steps }, { byteorder: new TextEncoder().encode("little") }),
      legacyFile(nested, [["n", 1, steps], ["k", 6, values]]),
    ]
  ) {
    const { tensors, metadata } = readTorch(file, "a file");
    assertSameTensors(
      tensors,
      new Map([
        ["weight", tensor("float32", [2], Float32Array.of(2, 4))],
        ["steps", tensor("int64", [], BigInt64Array.of(-5n))],
      ]),
    );
    assert.deepEqual([...metadata], [
      ["epoch", 13],
      ["best_prec", 85.65],
      ["arch", "WRN-16-1"],
      ["done", true],
    ]);
  }
});

Deno.test("readTorch() finds the state dict under each usual key", () => {
  for (const key of ["state_dict", "model_state_dict", "model", "net"]) {
    const inner = dictionary(text("w"), view(storage("FloatStorage", "0", 6), 0, [6], [1]));
    const file = zipFile(pickle(dictionary(text(key), inner)), { 0: values });
    assert.equal(readTorch(file, "a file").tensors.get("w")?.data[5], 5);
  }
});

Deno.test("readTorch() reads a view of a storage in an old legacy file", () => {
  const over = storage("FloatStorage", "root", 6, tuple(text("view"), integer(2), integer(3)));
  const pickled = pickle(dictionary(text("w"), view(over, 1, [2], [1])));
  const { tensors } = readTorch(legacyFile(pickled, [["root", 6, values]]), "a file");
  assert.deepEqual([...tensors.get("w")!.data], [3, 4]);
});

Deno.test("readTorch() swaps the bytes of big-endian storages", () => {
  const swapped = values.slice();
  for (let i = 0; i < swapped.length; i += 4) swapped.subarray(i, i + 4).reverse();
  const order = { byteorder: new TextEncoder().encode("big") };
  const { tensors } = readTorch(zipFile(one([6], [1]), { 0: swapped }, order), "a file");
  assert.deepEqual([...tensors.get("w")!.data], [0, 1, 2, 3, 4, 5]);
});

Deno.test("readTorch() knows parameters, sizes, devices, counters and Python 2 dictionaries", () => {
  const parameter = [
    global("torch._utils", "_rebuild_parameter"),
    tuple(view(storage("FloatStorage", "0", 6), 0, [6], [1]), 0x88, "N"),
    "R",
  ];
  const pairs = ["](", ["](", text("w"), parameter, "e"], "e"];
  const file = zipFile(
    pickle(dictionary(
      text("net"),
      [global("collections", "OrderedDict"), tuple(pairs), "R"],
      text("size"),
      [global("torch", "Size"), tuple(tuple(integer(2))), "R"],
      text("device"),
      [global("torch", "device"), tuple(text("cuda")), "R"],
      text("milestones"),
      [global("collections", "Counter"), tuple(dictionary(integer(3), integer(1))), "R"],
    )),
    { 0: values },
  );
  const { tensors, metadata } = readTorch(file, "a file");
  assert.deepEqual([...tensors.keys()], ["w"]);
  assert.deepEqual([...metadata], [["device", "cuda"]]);
});

Deno.test("readTorch() refuses files without tensors and says what keys there were", () => {
  const file = zipFile(pickle(dictionary(text("epoch"), integer(1))));
  assertRefused(
    () => readTorch(file, "a file"),
    /no tensors in a dictionary with the keys "epoch"/,
  );
  assertRefused(
    () => readTorch(zipFile(pickle("]")), "a file"),
    /found a list and no tensors under names, expected a state dict/,
  );
  assertRefused(() => readTorch(zipFile(pickle("N")), "a file"), /found None and no tensors/);
});

const CHECKPOINTS: readonly (readonly [string, Record<string, number>])[] = [
  ["checkpoints/reference-badnets.pth", { epoch: 13 }],
  ["checkpoints/reference-blend.pth", { epoch: 13 }],
  ["checkpoints/nad-authors-badnets-student.pth.tar", { epoch: 25, best_prec: 85.65555555555555 }],
  ["checkpoints/nad-authors-teacher.pth.tar", { epoch: 13, best_prec: 84.39 }],
];

for (const [path, expected] of CHECKPOINTS) {
  const url = shared(path);
  Deno.test({
    name: `readTorch() reads the shared ${path}`,
    ignore: url === undefined,
    fn: () => {
      const { tensors, metadata } = readTorch(Deno.readFileSync(url!), path);
      assert.deepEqual(Object.fromEntries(metadata), expected);
      const names = [...tensors.keys()];
      assert.equal(names.length, 82);
      assert.deepEqual(names.slice(0, 2), ["conv1.weight", "block1.layer.0.bn1.weight"]);
      assert.deepEqual(names.slice(-2), ["fc.weight", "fc.bias"]);
      assert.deepEqual(tensors.get("block2.layer.0.convShortcut.weight")?.shape, [32, 16, 1, 1]);
      const parameters = [...tensors].filter(([name]) => !/running_|num_batches/.test(name));
      assert.equal(parameters.reduce((sum, [, { data }]) => sum + data.length, 0), 175_066);
      for (const [name, { data }] of parameters) {
        assert.ok(data.every((value) => Math.abs(Number(value)) < 20), name);
        assert.ok(data.some((value) => value !== 0), name);
      }
      assert.deepEqual(readTorch(writeTorch(tensors), "copy").tensors, tensors);
    },
  });
}
