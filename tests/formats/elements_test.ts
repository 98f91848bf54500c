import assert from "node:assert/strict";
import { decodeElements, encodeElements } from "../../src/formats/elements.ts";
import type { HostDtype } from "../../src/formats/host_tensor.ts";
import { columnMajorStrides, gatherStrided, rowMajorStrides } from "../../src/formats/strided.ts";

const halves = (...words: number[]) => new Uint8Array(Uint16Array.from(words).buffer);

Deno.test("decodeElements() widens half precisions exactly", () => {
  const float16 = decodeElements(halves(0x3c00, 0xc000, 0x7bff, 1, 0x7c00, 0x8000), "float16");
  assert.deepEqual([...float16], [1, -2, 65504, 2 ** -24, Infinity, -0]);
  const bfloat16 = decodeElements(halves(0x3f80, 0xc049, 0x7f80, 1), "bfloat16");
  assert.deepEqual([...bfloat16], [1, -3.140625, Infinity, 2 ** -133]);
});

Deno.test("encodeElements() rounds half precisions to nearest, ties to even", () => {
  const encode = (dtype: HostDtype, ...values: number[]) => {
    const data = Float32Array.from(values);
    return [
      ...new Uint16Array(encodeElements({ dtype, shape: [data.length], data }).slice().buffer),
    ];
  };
  // Between neighbours 1 and 1 + 2^-7 of bfloat16: below, at and above the middle, and odd ones.
  assert.deepEqual(
    encode(
      "bfloat16",
      1 + 2 ** -9,
      1 + 2 ** -8,
      1 + 3 * 2 ** -9,
      1 + 3 * 2 ** -8,
      -Infinity,
      3.4e38,
    ),
    [0x3f80, 0x3f80, 0x3f81, 0x3f82, 0xff80, 0x7f80],
  );
  assert.deepEqual(encode("float16", 1 + 2 ** -11, 1 + 3 * 2 ** -11, 1e6), [
    0x3c00,
    0x3c02,
    0x7c00,
  ]);
  assert.ok((encode("bfloat16", NaN)[0]! & 0x7fff) > 0x7f80);
});

Deno.test("decodeElements() reads integers of either byte order and copies", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 0x88);
  assert.deepEqual([...decodeElements(bytes, "int16")], [0x0201, 0x0403, 0x0605, -30713]);
  assert.deepEqual([...decodeElements(bytes, "int16", false)], [0x0102, 0x0304, 0x0506, 0x0788]);
  assert.deepEqual([...decodeElements(bytes, "int32", false)], [0x01020304, 0x05060788]);
  assert.deepEqual([...decodeElements(bytes, "int64", false)], [0x0102030405060788n]);
  assert.deepEqual([...decodeElements(bytes.subarray(7), "int8")], [-120]);
  assert.deepEqual([...decodeElements(Uint8Array.of(0, 1, 2, 255), "bool")], [0, 1, 1, 1]);
  const copy = decodeElements(bytes, "uint8");
  bytes[0] = 99;
  assert.equal(copy[0], 1);
});

Deno.test("gatherStrided() agrees with an index by index reference", () => {
  const bytes = Uint8Array.from({ length: 120 }, (_, i) => i);
  const shape = [2, 3, 5];
  assert.deepEqual(rowMajorStrides(shape), [15, 5, 1]);
  assert.deepEqual(columnMajorStrides(shape), [1, 2, 6]);
  for (const strides of [[15, 5, 1], [1, 2, 6], [30, 7, 2], [0, 4, 4]]) {
    const expected: number[] = [];
    for (let i = 0; i < 2; i++) {
      for (let j = 0; j < 3; j++) {
        for (let k = 0; k < 5; k++) {
          const element = 3 + i * strides[0]! + j * strides[1]! + k * strides[2]!;
          expected.push(2 * element, 2 * element + 1);
        }
      }
    }
    assert.deepEqual([...gatherStrided(bytes, 2, shape, strides, 3)], expected);
  }
});
