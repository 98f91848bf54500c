import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { zipSync } from "npm:fflate@0.8.3";
import { FormatError } from "../../src/errors.ts";
import { readNpy, writeNpy } from "../../src/formats/npy.ts";
import { readNpz } from "../../src/formats/npz.ts";
import { shared } from "../shared.ts";
import { assertRefused, assertSameTensors, tensor } from "./assertions.ts";
import { DTYPES, tensors } from "./state_dicts.ts";

const SEED = 20240613;

const refused = (bytes: Uint8Array, pattern: RegExp) =>
  assertRefused(() => readNpy(bytes, "a file"), pattern);

/** An array file with any header. */
function file(header: string, data: Uint8Array, version = 1): Uint8Array {
  const text = new TextEncoder().encode(header);
  const lengthBytes = version === 1 ? 2 : 4;
  const bytes = new Uint8Array(8 + lengthBytes + text.length + data.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  new DataView(bytes.buffer).setUint16(8, text.length, true);
  bytes.set(text, 8 + lengthBytes);
  bytes.set(data, 8 + lengthBytes + text.length);
  return bytes;
}

Deno.test("writeNpy() and readNpy() keep types, shapes and bits", () => {
  fc.assert(
    fc.property(tensors(DTYPES.filter((dtype) => dtype !== "bfloat16")), (array) => {
      const bytes = writeNpy(array);
      assert.equal((bytes.length - array.data.length * bytesEach(array.dtype)) % 64, 0);
      assertSameTensors(new Map([["", readNpy(bytes, "a file")]]), new Map([["", array]]));
    }),
    { seed: SEED },
  );
});

const bytesEach = (dtype: string) => dtype === "bool" ? 1 : Number(/\d+/.exec(dtype)![0]) / 8;

Deno.test("writeNpy() writes the bytes of numpy.save", () => {
  // numpy.save of numpy.arange(6, dtype="<f4").reshape(2, 3), NumPy 1.24.
  const expected = file(
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }".padEnd(117) + "\n",
    new Uint8Array(Float32Array.of(0, 1, 2, 3, 4, 5).buffer),
  );
  const array = tensor("float32", [2, 3], Float32Array.of(0, 1, 2, 3, 4, 5));
  assert.deepEqual(writeNpy(array), expected);
});

Deno.test("writeNpy() refuses bfloat16", () => {
  const array = tensor("bfloat16", [1], Float32Array.of(1));
  assert.throws(() => writeNpy(array), FormatError);
});

Deno.test("readNpy() transposes Fortran order and swaps big-endian elements", () => {
  // numpy.save of numpy.asfortranarray(numpy.arange(6, dtype=">i2").reshape(2, 3)).
  const data = Uint8Array.of(0, 0, 0, 3, 0, 1, 0, 4, 0, 2, 0, 5);
  const array = readNpy(
    file("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }\n", data),
    "a file",
  );
  assert.deepEqual(array, tensor("int16", [2, 3], Int16Array.of(0, 1, 2, 3, 4, 5)));
});

Deno.test("readNpy() reads versions 2 and 3, any order of keys, scalars and vectors", () => {
  const read = (header: string, count: number, version: number) =>
    readNpy(file(header, new Uint8Array(count), version), "a file").shape;
  assert.deepEqual(read("{'descr':'|u1','fortran_order':False,'shape':()}", 1, 2), []);
  assert.deepEqual(read("{'shape': (5,), 'fortran_order': False, 'descr': '|b1'}", 5, 3), [5]);
  assert.deepEqual(read("{'shape': (0, 3), 'descr': '<f8', 'fortran_order': True }", 0, 1), [0, 3]);
});

Deno.test("readNpy() refuses what it cannot read", () => {
  const header = (descr: string, shape = "(1,)", order = "False") =>
    `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
  const one = new Uint8Array(4);
  refused(new Uint8Array(20), /without NumPy's signature/);
  refused(file(header("'<f4'"), one, 4), /version 4/);
  refused(file(header("'|O'"), one), /elements of type "'\|O'"/);
  refused(file(header("'<u4'"), one), /elements of type "'<u4'"/);
  refused(file(header("[('a', '<f4')]"), one), /expected descr, fortran_order and shape/);
  refused(file(header("'<f4'", "(1,)", "1"), one), /expected descr/);
  refused(file(header("'<f4'", "(-1,)"), one), /expected descr/);
  refused(file(header("'<f4'", "(1 2)"), one), /expected descr/);
  refused(file("{'descr': '<f4'}", one), /expected descr/);
  refused(file("__import__('os')", one), /expected descr/);
  refused(file(header("'<f4'", "(9007199254740991, 9)"), one), /2\^53/);
  refused(file(header("'<f4'", "(2,)"), one), /4 bytes of elements, expected 8/);
  refused(file(header("'<f4'"), new Uint8Array(5)), /5 bytes of elements, expected 4/);
  refused(file(header("'<f4'"), one).subarray(0, 40), /a header of \d+ bytes/);
});

Deno.test("readNpz() reads stored and deflated arrays", () => {
  const a = tensor("float32", [2], Float32Array.of(1, 2));
  const b = tensor("int32", [300], new Int32Array(300).fill(7));
  for (const level of [0, 6] as const) {
    const bytes = zipSync({ "a.npy": writeNpy(a), "group/b.npy": writeNpy(b) }, { level });
    assertSameTensors(readNpz(bytes, "a file"), new Map([["a", a], ["group/b", b]]));
  }
});

Deno.test("readNpz() refuses entries that are not arrays, and archives that expand too far", () => {
  const text = zipSync({ "a.txt": new Uint8Array(3) });
  assertRefused(() => readNpz(text, "a file"), /entry "a\.txt"/);
  const broken = zipSync({ "a.npy": new Uint8Array(30) });
  assertRefused(() => readNpz(broken, "a file"), /a file, entry "a\.npy": found/);
  const bomb = zipSync({ "a.npy": new Uint8Array(1000) });
  const view = new DataView(bomb.buffer, bomb.byteOffset, bomb.byteLength);
  const directory = view.getUint32(bomb.length - 6, true);
  view.setUint32(directory + 24, 2 ** 31, true);
  assertRefused(
    () => readNpz(bomb, "a file"),
    /2147483648 bytes after decompression, expected at most/,
  );
});

for (const path of ["golden/forward.npz", "golden/nad_step.npz"]) {
  const url = shared(path);
  Deno.test({
    name: `readNpz() reads the shared ${path}`,
    ignore: url === undefined,
    fn: () => {
      const arrays = readNpz(Deno.readFileSync(url!), path);
      const images = arrays.get("images")!;
      assert.deepEqual([images.dtype, images.shape], ["uint8", [64, 3, 32, 32]]);
      assert.deepEqual(arrays.get("labels")!.shape, [64]);
      for (const [name, { dtype, data }] of arrays) {
        if (dtype === "float32") assert.ok(data.every((x) => Number.isFinite(Number(x))), name);
      }
      if (path.endsWith("nad_step.npz")) {
        const [ce, at1, at2, at3, total] = [...arrays.get("losses")!.data].map(Number);
        const sum = ce! + 500 * at1! + 1000 * at2! + 1000 * at3!;
        assert.ok(Math.abs(sum - total!) < 1e-3 * total!);
        assert.deepEqual(arrays.get("grad/conv1.weight")!.shape, [16, 3, 3, 3]);
      }
    },
  });
}

const square = shared("triggers/best_square_trigger_cifar10.npz");
Deno.test({
  name: "readNpz() reads the shared triggers/best_square_trigger_cifar10.npz",
  ignore: square === undefined,
  fn: () => {
    const arrays = readNpz(Deno.readFileSync(square!), "square");
    assert.deepEqual([...arrays.keys()], ["x", "y"]);
    assert.deepEqual([arrays.get("x")!.dtype, arrays.get("x")!.shape], ["float32", [3, 32, 32]]);
    assert.deepEqual(arrays.get("y")!.shape, []);
  },
});

for (
  const [path, dtype, shape] of [
    ["triggers/signal_cifar10_mask.npy", "uint8", [32, 32]],
    ["checkpoints/reference-blend-trigger.npy", "float32", [3, 32, 32]],
  ] as const
) {
  const url = shared(path);
  Deno.test({
    name: `readNpy() and writeNpy() reproduce the shared ${path}`,
    ignore: url === undefined,
    fn: () => {
      const bytes = Deno.readFileSync(url!);
      const array = readNpy(bytes, path);
      assert.deepEqual([array.dtype, array.shape], [dtype, shape]);
      assert.ok(array.data.some((value) => Number(value) > 0));
      assert.deepEqual(readNpy(writeNpy(array), path), array);
    },
  });
}
