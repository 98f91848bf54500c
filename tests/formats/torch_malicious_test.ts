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

const refused = (pickled: Uint8Array, pattern: RegExp) => {
  assertRefused(() => readTorch(zipFile(pickled, { 0: values }), "a file"), pattern);
  assertRefused(() => readTorch(legacyFile(pickled, [["0", 6, values]]), "a file"), pattern);
};

Deno.test("readTorch() refuses every other global by name, however it is called", () => {
  const argument = tuple(text("touch /tmp/owned"));
  const cases: [Uint8Array, RegExp][] = [
    [pickle(global("os", "system"), argument, "R"), /reference to "os\.system"/],
    [pickle(global("builtins", "eval"), argument, "R"), /"builtins\.eval"/],
    [pickle(global("__builtin__", "exec"), argument, "R"), /"__builtin__\.exec"/],
    [pickle(text("posix"), text("system"), [0x93], argument, "R"), /"posix\.system"/],
    [pickle("(", text("ls"), "ios\nsystem\n"), /"os\.system"/],
    [pickle("(", global("subprocess", "Popen"), text("ls"), "o"), /"subprocess\.Popen"/],
    [pickle(global("torch", "load"), argument, "R"), /"torch\.load"/],
    [pickle(global("torch.hub", "load"), argument, [0x81]), /"torch\.hub\.load"/],
    [pickle(global("models", "WideResNet"), ")", [0x81]), /"models\.WideResNet"/],
    [pickle(global("\u001b[2Jos", "system"), argument, "R"), /"\\u001b\[2Jos\.system"/],
    [pickle(global("toString", "constructor"), ")R"), /"toString\.constructor"/],
  ];
  for (const [pickled, pattern] of cases) {
    refused(pickled, pattern);
    refused(pickle(dictionary(text("epoch"), pickled.subarray(2, -1))), pattern);
  }
});

Deno.test("readTorch() refuses calls of anything but functions", () => {
  refused(pickle(text("os.system"), tuple(text("ls")), "R"), /a call of a string/);
  refused(pickle(global("torch", "FloatStorage"), ")R"), /a call of torch\.FloatStorage/);
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
    const body = new Uint8Array(600_000).fill(part.charCodeAt(0));
    assertRefused(
      () => readTorch(zipFile(assemble("N", body, ".")), "a file"),
      /more than 500000 pickle opcodes/,
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
  const loose = [global("torch._utils", "_rebuild_tensor_v2"), tuple(integer(3)), "R"];
  refused(pickle(dictionary(text("w"), loose)), /a tensor over a number/);
});
