import assert from "node:assert/strict";
import { FormatError } from "../../src/errors.ts";
import { readTorch } from "../../src/formats/torch.ts";
import { writeTorch } from "../../src/formats/torch_write.ts";
import { writeStoredZip } from "../../src/formats/zip_write.ts";
import { assertRefused, tensor } from "./assertions.ts";
import {
  assemble,
  dictionary,
  float32Bytes,
  global,
  integer,
  legacyFile,
  littleEndian,
  pickle,
  storage,
  text,
  tuple,
  view,
  zipFile,
} from "./pickle_build.ts";

const values = float32Bytes(0, 1, 2, 3, 4, 5);

/** Both files around a pickle that may refer to the storage `0` of six floats. */
const files = (pickled: Uint8Array): Uint8Array<ArrayBuffer>[] => [
  zipFile(pickled, { 0: values }),
  legacyFile(pickled, [["0", 6, values]]),
];

const refused = (pickled: Uint8Array, pattern: RegExp) => {
  for (const file of files(pickled)) assertRefused(() => readTorch(file, "a file"), pattern);
};

/** Six floats under the name of a tensor. */
const weights = view(storage("FloatStorage", "0", 6), 0, [6], [1]);

const argument = tuple(text("touch /tmp/owned"));

/** Objects of classes that are not known, each made in another way. */
const OBJECTS: readonly (readonly [string, Parameters<typeof pickle>[0]])[] = [
  ["os.system", [global("os", "system"), argument, "R"]],
  ["builtins.eval", [global("builtins", "eval"), argument, "R"]],
  ["__builtin__.exec", [global("__builtin__", "exec"), argument, "R"]],
  ["posix.system", [text("posix"), text("system"), [0x93], argument, "R"]],
  ["os.system", ["(", text("ls"), "ios\nsystem\n"]],
  ["subprocess.Popen", ["(", global("subprocess", "Popen"), text("ls"), "o"]],
  ["torch.load", [global("torch", "load"), argument, "R"]],
  ["torch.hub.load", [global("torch.hub", "load"), argument, [0x81]]],
  ["models.WideResNet", [global("models", "WideResNet"), ")", [0x81], "}b"]],
  ["models.Net", [global("models", "Net"), ")", "}", [0x92], "](Ne", "b"]],
  ["\\u001b[2Jos.system", [global("\u001b[2Jos", "system"), argument, "R"]],
  ["toString.constructor", [global("toString", "constructor"), ")R"]],
  ["torch.FloatStorage", [global("torch", "FloatStorage"), ")R"]],
  ["builtins.getattr", [global("builtins", "getattr"), argument, "R", argument, "R"]],
  ["a.List", [global("a", "List"), ")", [0x81], "Na(NNe"]],
  ["a.Dict", [global("a", "Dict"), ")", [0x81], "NNs(NNu"]],
  ["a.Set", [global("a", "Set"), ")", [0x81], "(NN", [0x90]]],
];

Deno.test("readTorch() makes nothing of a class that it does not know, and skips it", () => {
  for (const [name, made] of OBJECTS) {
    const beside = [
      pickle(dictionary(text("net"), dictionary(text("w"), weights), text("x"), made)),
      pickle(dictionary(text("x"), made, text("net"), dictionary(text("w"), weights))),
      pickle(dictionary(text("w"), weights, text("x"), made)),
      pickle("](", made, dictionary(text("w"), weights), "e"),
    ];
    for (const file of beside.flatMap(files)) {
      const { tensors, metadata } = readTorch(file, "a file");
      assert.deepEqual([...tensors.keys()], ["w"], name);
      assert.deepEqual([...tensors.get("w")!.data], [0, 1, 2, 3, 4, 5], name);
      assert.equal(metadata.size, 0, name);
    }
  }
});

Deno.test("readTorch() refuses a checkpoint that is such an object, by its name", () => {
  for (const [name, made] of OBJECTS) {
    for (const file of files(pickle([weights, "0", made]))) {
      assert.throws(() => readTorch(file, "a file"), (error) => {
        assert.ok(error instanceof FormatError, String(error));
        assert.ok(
          error.message.includes(`found an object of "${name}" and no tensors`),
          error.message,
        );
        assert.match(error.message, /save the model's state_dict\(\)/);
        assert.doesNotMatch(error.message, /trust/);
        return true;
      });
    }
  }
});

Deno.test("readTorch() refuses a tensor that such an object stands for, by both names", () => {
  const over = storage("FloatStorage", "0", 6);
  const made = [
    [global("torch._utils", "_rebuild_qtensor"), tuple(over, integer(0)), "R"],
    [global("torch._utils", "_rebuild_sparse_tensor"), tuple(tuple(weights, "N")), "R"],
    [global("a", "Wrapper"), tuple(["](", weights, "e"]), "R"],
    [global("a", "Wrapper"), tuple([global("b", "Inner"), tuple(weights), "R"]), "R"],
  ];
  for (const value of made) {
    refused(
      pickle(dictionary(text("w"), weights, text("q"), value)),
      /found tensor "q" of the unknown kind "(torch\._utils\._rebuild_\w+|a\.Wrapper)", expected a plain tensor/,
    );
    const beside = pickle(
      dictionary(text("w"), weights, text("aside"), dictionary(text("q"), value)),
    );
    for (const file of files(beside)) assert.equal(readTorch(file, "a file").tensors.size, 1);
  }
});

Deno.test("readTorch() refuses names of classes out of proportion", () => {
  const module = "a".repeat(2000);
  const long = ["X", littleEndian(module.length, 4), module];
  refused(pickle(long, text("b"), [0x93]), /whose name has 2001 characters, expected at most 1024/);
  refused(pickle("c", module, "\nb\n"), /no end of the line/);
});

Deno.test("readTorch() takes tensors with attributes, and classes of tensors that add nothing", () => {
  const rebuild = (type: string, callee = global("torch._utils", "_rebuild_parameter")) => [
    global("torch._tensor", "_rebuild_from_type_v2"),
    tuple(callee, global("torch", type), tuple(weights, 0x88, "N"), "}"),
    "R",
  ];
  const read = (value: Parameters<typeof pickle>[0]) =>
    readTorch(zipFile(pickle(dictionary(text("w"), value)), { 0: values }), "a file").tensors;
  assert.equal(read(rebuild("Tensor")).get("w")!.data[5], 5);
  assert.equal(read(rebuild("nn.parameter.Parameter")).get("w")!.data[5], 5);
  refused(pickle(dictionary(text("w"), rebuild("Mine"))), /an object|no tensors/);
  const itself = rebuild("Tensor", global("torch._tensor", "_rebuild_from_type_v2"));
  refused(pickle(dictionary(text("w"), itself)), /no tensors/);
});

Deno.test("readTorch() skips texts that are not UTF-8, long integers and byte arrays", () => {
  const odd = [
    ["U", [2, 0xff, 0xfe]],
    ["T", littleEndian(1, 4), [0x80]],
    ["X", littleEndian(3, 4), [0xed, 0xa0, 0x80]],
    ["S'\\x00\\n'\n"],
    ["V\\u20ac", "x".repeat(3000), "\n"],
    [[0x96], littleEndian(2, 8), [1, 2]],
    [[0x8a, 17], new Array<number>(17).fill(1)],
  ];
  for (const value of odd) {
    const pickled = pickle(
      dictionary(text("x"), value, text("net"), dictionary(text("w"), weights)),
    );
    for (const file of files(pickled)) assert.equal(readTorch(file, "a file").tensors.size, 1);
  }
});

Deno.test("readTorch() refuses calls of anything but functions", () => {
  refused(pickle(text("os.system"), tuple(text("ls")), "R"), /a call of a string/);
  refused(pickle(global("collections", "OrderedDict"), "]R"), /a call of/);
  refused(pickle("]}b"), /attributes set on a list/);
});

Deno.test("readTorch() refuses opcodes that reach outside the pickle", () => {
  refused(pickle("Pmodule\n"), /pickle opcode 0x50/);
  refused(pickle([0x82, 1]), /pickle opcode 0x82/);
  refused(pickle([0x97]), /pickle opcode 0x97/);
  refused(pickle(text("storage"), "Q"), /something outside the pickle/);
  refused(assemble(0x80, 9, "N."), /protocol 9/);
});

Deno.test("readTorch() refuses lengths beyond the file before it allocates", () => {
  const huge = [0xff, 0xff, 0xff, 0x7f];
  const huge8 = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
  refused(pickle("B", huge), /bytes after byte/);
  refused(pickle("X", huge), /bytes after byte/);
  refused(pickle("T", huge), /bytes after byte/);
  refused(pickle("T", [0xff, 0xff, 0xff, 0xff]), /a string of -1 bytes/);
  refused(pickle([0x8d], huge8), /a length of 9223372036854775807/);
  refused(pickle([0x8e], littleEndian(2 ** 40, 8)), /bytes after byte/);
  refused(pickle([0x8b], huge), /an integer of 2147483647 bytes/);
  refused(pickle([0x8b], [0xff, 0xff, 0xff, 0xff]), /an integer of -1 bytes/);
  refused(pickle([0x8b], littleEndian(4000, 4)), /an integer of 4000 bytes/);
  refused(pickle("I", "9".repeat(5000), "\n"), /end of the line/);
});

Deno.test("readTorch() refuses pickles that misuse the stack or the memo", () => {
  for (const part of ["R", "t", "u", "s", "}s", "(N}", "0", "2", "e", "]s", "}a", "Q", [0x86]]) {
    const pickled = pickle(part);
    assert.throws(() => readTorch(zipFile(pickled), "a file"), FormatError, String(part));
  }
  refused(pickle("h", [7]), /no memo 7/);
  refused(pickle("j", [0xff, 0xff, 0xff, 0xff]), /no memo 4294967295/);
  refused(pickle("}]Ns"), /a list as a key/);
  refused(pickle("}(Nu"), /1 keys and values/);
});

Deno.test("readTorch() ends on cyclic, deeply nested and exponentially shared values", () => {
  const over = view(storage("FloatStorage", "0", 6), 0, [6], [1]);
  const open = (extra: readonly (string | number | readonly number[])[]) =>
    pickle(dictionary(text("w"), over, text("x"), [...extra]));
  const read = (
    pickled: Uint8Array,
  ) => [...readTorch(zipFile(pickled, { 0: values }), "a file").tensors.keys()];
  assert.deepEqual(read(open(["]q", [0], "h", [0], "a"])), ["w"]);
  assert.deepEqual(read(open(["]".repeat(100_000), "a".repeat(99_999)])), ["w"]);
  assert.deepEqual(read(open(["N", ...Array<number[]>(60).fill([0x32, 0x86])])), ["w"]);
  assert.deepEqual(read(open(["(".repeat(100_000), "1".repeat(100_000), "N"])), ["w"]);
});

Deno.test("readTorch() refuses pickles of endless containers", () => {
  const start = performance.now();
  for (const part of ["}", "]", ")", "(", "\x85"]) {
    const body = new Uint8Array(part === "(" ? 2_100_000 : 600_000).fill(part.charCodeAt(0));
    assertRefused(
      () => readTorch(zipFile(assemble("N", body, ".")), "a file"),
      /more than 2000000 pickle opcodes/,
    );
  }
  assert.ok(performance.now() - start < 10_000);
});

Deno.test("readTorch() refuses dictionaries that would be copied again and again", () => {
  const pair = ["](NNe"];
  const repeat = [global("collections", "OrderedDict"), "h", [0], 0x85, "R0"];
  const pickled = pickle("](", Array(2000).fill(pair), "eq", [0], Array(2000).fill(repeat), "N");
  const start = performance.now();
  assert.throws(() => readTorch(zipFile(pickled), "a file"), FormatError);
  assert.ok(performance.now() - start < 1000);
});

Deno.test("readTorch() refuses tensors outside their storage", () => {
  const cases: [number, number[], number[]][] = [
    [0, [7], [1]],
    [1, [6], [1]],
    [0, [2, 2], [5, 1]],
    [6, [], []],
    [0, [2, 3], [3]],
    [0, [60000, 60000, 60000, 60000], [1, 1, 1, 1]],
  ];
  for (const [offset, shape, strides] of cases) {
    refused(
      pickle(dictionary(text("w"), view(storage("FloatStorage", "0", 6), offset, shape, strides))),
      /inside its storage|2\^53/,
    );
  }
  const negative = [
    global("torch._utils", "_rebuild_tensor_v2"),
    tuple(storage("FloatStorage", "0", 6), "J", [0xff, 0xff, 0xff, 0xff], "))", 0x89, "N"),
    "R",
  ];
  refused(pickle(dictionary(text("w"), negative)), /bad storage offset/);
});

Deno.test("readTorch() refuses views that repeat a small storage to fill the memory", () => {
  const over = view(storage("FloatStorage", "0", 6), 0, [60000, 60000], [0, 0]);
  refused(pickle(dictionary(text("w"), over)), /tensors of more than \d+ bytes/);
});

Deno.test("readTorch() refuses storages that disagree with the pickle", () => {
  const six = pickle(
    dictionary(text("w"), view(storage("FloatStorage", "0", 6), 0, [2], [1])),
  );
  assertRefused(() => readTorch(zipFile(six), "a file"), /no entry "any\/data\/0"/);
  assertRefused(
    () => readTorch(zipFile(six, { 0: values.subarray(4) }), "a file"),
    /20 bytes in storage "0", expected 6 elements of type float32/,
  );
  const read = (storages: [string, number, Uint8Array][]) => () =>
    readTorch(legacyFile(six, storages), "a file");
  assertRefused(read([]), /a list of storages/);
  assertRefused(read([["1", 6, values]]), /a storage that no tensor names/);
  assertRefused(read([["0", 5, values]]), /5 elements in storage "0", expected 6/);
  assertRefused(read([["0", 2 ** 40, values]]), /elements in storage/);
  assertRefused(read([["0", 6, values.subarray(4)]]), /at least 24/);
  assertRefused(read([["0", 6, assemble(values, 0)]]), /the end of the last storage/);
});

Deno.test("readTorch() refuses a file cut short at any byte, and bytes added to its end", () => {
  const state = new Map([["w", tensor("float32", [2], Float32Array.of(1, 2))]]);
  const pickled = pickle(
    dictionary(text("w"), view(storage("FloatStorage", "0", 6), 0, [6], [1])),
  );
  for (const file of [writeTorch(state), legacyFile(pickled, [["0", 6, values]])]) {
    readTorch(file, "a file");
    for (let length = 0; length < file.length; length++) {
      assertRefused(() => readTorch(file.subarray(0, length), "a file"), /found/);
    }
    assertRefused(() => readTorch(assemble(file, 0), "a file"), /found/);
  }
});

Deno.test("readTorch() refuses ZIP files without exactly one pickle", () => {
  const none = writeStoredZip([{ name: "a/version", bytes: assemble("3") }], 64);
  assertRefused(() => readTorch(none, "a file"), /0 entries NAME\/data\.pkl/);
  const two = writeStoredZip([
    { name: "a/data.pkl", bytes: pickle("N") },
    { name: "b/data.pkl", bytes: pickle("N") },
  ], 64);
  assertRefused(() => readTorch(two, "a file"), /2 entries NAME\/data\.pkl/);
});

Deno.test("readTorch() refuses types that it does not know", () => {
  const complex = storage("ComplexFloatStorage", "0", 3);
  refused(
    pickle(dictionary(text("w"), view(complex, 0, [3], [1]))),
    /"torch\.ComplexFloatStorage"/,
  );
  const beside = pickle(
    dictionary(text("w"), weights, text("x"), dictionary(text("c"), view(complex, 0, [3], [1]))),
  );
  assert.equal(readTorch(zipFile(beside, { 0: values }), "a file").tensors.size, 1);
  const loose = [global("torch._utils", "_rebuild_tensor_v2"), tuple(integer(3)), "R"];
  refused(pickle(dictionary(text("w"), loose)), /a tensor over a number/);
});
