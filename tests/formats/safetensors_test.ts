import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { FormatError } from "../../src/errors.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import { assertRefused, assertSameTensors, tensor } from "./assertions.ts";
import { stateDicts } from "./state_dicts.ts";

const SEED = 20240612;

/** A file of any header and so many bytes of data. */
function file(header: string, dataBytes = 0, headerBytes?: number): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes ?? text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const refused = (bytes: Uint8Array, pattern: RegExp) =>
  assertRefused(() => readSafetensors(bytes, "a file"), pattern);

Deno.test("writeSafetensors() and readSafetensors() keep tensors and metadata", () => {
  const texts = fc.dictionary(fc.string(), fc.string(), { maxKeys: 4 });
  fc.assert(
    fc.property(stateDicts(), texts, (state, text) => {
      const metadata = new Map(Object.entries(text));
      const bytes = writeSafetensors(state, metadata);
      const read = readSafetensors(bytes, "a file");
      const inFileOrder = new Map([...read.tensors.keys()].map((name) => [name, state.get(name)!]));
      assert.equal(read.tensors.size, state.size);
      assertSameTensors(read.tensors, inFileOrder);
      assert.deepEqual(new Map([...read.metadata].sort()), new Map([...metadata].sort()));
      // Another order of insertion gives the same bytes.
      const reversed = new Map([...metadata].reverse());
      assert.deepEqual(writeSafetensors(new Map([...state].reverse()), reversed), bytes);
    }),
    { seed: SEED },
  );
});

Deno.test("readSafetensors() reads the example of the reference implementation", () => {
  const header = '{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}';
  const { tensors, metadata } = readSafetensors(file(header, 16), "a file");
  assertSameTensors(tensors, new Map([["test", tensor("int32", [2, 2], new Int32Array(4))]]));
  assert.equal(metadata.size, 0);
});

Deno.test("writeSafetensors() lays files out as the reference implementation does", () => {
  const state: StateDict = new Map([
    ["b", tensor("float32", [1], Float32Array.of(1))],
    ["10", tensor("uint8", [2], Uint8Array.of(5, 6))],
    ["a", tensor("float32", [1], Float32Array.of(2))],
    ["n", tensor("int64", [], BigInt64Array.of(3n))],
  ]);
  const bytes = writeSafetensors(state, new Map([["k", "v"]]));
  const header = '{"__metadata__":{"k":"v"},' +
    '"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]},' +
    '"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},' +
    '"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},' +
    '"10":{"dtype":"U8","shape":[2],"data_offsets":[16,18]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  const expected = file(padded, 18);
  expected.set([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 128, 63, 5, 6], 8 + padded.length);
  assert.deepEqual(bytes, expected);
});

Deno.test("writeSafetensors() without tensors or metadata writes an empty header", () => {
  const bytes = writeSafetensors(new Map());
  assert.deepEqual(bytes, file("{}      "));
  assert.equal(readSafetensors(bytes, "a file").tensors.size, 0);
});

Deno.test("writeSafetensors() refuses a tensor named like the metadata", () => {
  const state = new Map([["__metadata__", tensor("uint8", [0], new Uint8Array(0))]]);
  assert.throws(() => writeSafetensors(state), FormatError);
});

Deno.test("readSafetensors() refuses bad headers", () => {
  refused(new Uint8Array(7), /7 bytes, expected at least 8/);
  refused(file("{}", 0, 3), /a header of 3 bytes, expected at most 2/);
  refused(file("{}", 0, 2 ** 53), /a header of 9007199254740992 bytes/);
  refused(file(" {}"), /without an opening brace/);
  refused(file("[]"), /without an opening brace/);
  refused(file("{"), /not JSON/);
  refused(file('{"a":1}'), /a bad entry for tensor "a"/);
  refused(file('{"__metadata__":{"a":1}}'), /metadata "a" that is not text/);
  refused(file('{"__metadata__":"ab"}'), /metadata that is not an object/);
  refused(file('{"\\u001b[2J":1}'), /"\\u001b\[2J"/);
  const invalid = file('{"ab":1}');
  invalid[10] = 0xff;
  refused(invalid, /not JSON/);
});

Deno.test("readSafetensors() refuses tensors that do not fit", () => {
  const entry = (dtype: string, shape: string, start: number, end: number) =>
    `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${start},${end}]}`;
  const read = (text: string, bytes: number, pattern: RegExp) =>
    refused(file(text, bytes), pattern);
  read(`{"a":${entry("F32", "[2]", 0, 4)}}`, 4, /expected 8 bytes/);
  read(`{"a":${entry("F32", "[2]", 0, 8)}}`, 4, /an end inside the file/);
  read(`{"a":${entry("F32", "[1]", 4, 8)}}`, 8, /a start at 0/);
  read(`{"a":${entry("F32", "[1]", 0, 4)}}`, 8, /8 bytes of data, expected 4/);
  read(`{"a":${entry("F32", "[-1]", 0, 4)}}`, 4, /a natural number/);
  read(`{"a":${entry("F32", "[1.5]", 0, 6)}}`, 6, /a natural number/);
  read(`{"a":${entry("F32", '["1"]', 0, 4)}}`, 4, /a natural number/);
  read(`{"a":${entry("F32", "[9007199254740991,3]", 0, 4)}}`, 4, /2\^53/);
  read(`{"a":${entry("F32", `[${"1,".repeat(64)}1]`, 0, 4)}}`, 4, /65 dimensions/);
  read(`{"a":${entry("F8_E4M3", "[1]", 0, 1)}}`, 1, /type "F8_E4M3", expected one of BOOL/);
  const two = `{"a":${entry("U8", "[2]", 0, 2)},"b":${entry("U8", "[2]", 1, 3)}}`;
  read(two, 3, /tensor "b" from byte 1 to 3 of 3, expected a start at 2/);
  read(`{"a":${entry("U8", "[1]", 0, 1)},"b":${entry("U8", "[1]", 2, 3)}}`, 3, /a start at 1/);
});

Deno.test("readSafetensors() refuses numbers that are objects, texts or nested arrays, in short words", () => {
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  const long = `"${"A".repeat(2_000_000)}"`;
  for (
    const value of [
      '{"toString":1,"valueOf":1}',
      '"\\u001b[31m"',
      deep,
      long,
      "1e999",
      "null",
      "true",
    ]
  ) {
    for (
      const entry of [
        `"shape":[${value}],"data_offsets":[0,4]`,
        `"shape":[1],"data_offsets":[${value},4]`,
      ]
    ) {
      assert.throws(
        () => readSafetensors(file(`{"a":{"dtype":"F32",${entry}}}`, 4), "a file"),
        (error) => {
          assert.ok(error instanceof FormatError, String(error));
          assert.match(
            error.message,
            /nested too deeply, expected at most 3 levels|a tensor extent of|bad data_offsets of tensor "a"/,
          );
          assert.ok(error.message.length < 200);
          return true;
        },
      );
    }
  }
});

Deno.test("readSafetensors() refuses headers that would fill the memory before it parses them", () => {
  refused(file(`{"a":[${"{},".repeat(1_000_000)}0]}`), /it holds more than 1000000 values/);
  refused(file(`{"a":${"[".repeat(5_000_000)}`), /nested too deeply, expected at most 3 levels/);
  refused(file(`{"a":${'{"":'.repeat(1_000_000)}`), /nested too deeply, expected at most 3 levels/);
  const keys = Array.from({ length: 600_000 }, (_, i) => `"${i}":""`).join();
  refused(file(`{"__metadata__":{${keys}}}`), /it holds more than 1000000 values/);
  refused(
    file(`{${" ".repeat(2 ** 24)}}`),
    /a header of 16777218 bytes, expected at most 16777216/,
  );
});

Deno.test("readSafetensors() counts no bracket or comma inside a text", () => {
  const name = "[{,:".repeat(300_000) + '\\"\\\\';
  const bytes = file(`{"${name}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`);
  assert.equal([...readSafetensors(bytes, "a file").tensors.keys()][0], JSON.parse(`"${name}"`));
});

Deno.test("readSafetensors() refuses a file cut short at any byte, and bytes added to it", () => {
  const state = new Map([["w", tensor("float32", [2], Float32Array.of(1, 2))]]);
  const bytes = writeSafetensors(state, new Map([["a", "b"]]));
  for (let length = 0; length < bytes.length; length++) {
    assertRefused(() => readSafetensors(bytes.subarray(0, length), "a file"), /found/);
  }
  const longer = new Uint8Array(bytes.length + 1);
  longer.set(bytes);
  refused(longer, /9 bytes of data, expected 8/);
});
