/**
 * NumPy's array files, versions 1.0 to 3.0 (`numpy/lib/format.py`): a magic string, a Python
 * dictionary as text, and the elements.
 */

import { FormatError } from "../errors.ts";
import { quoted } from "../text/quoted.ts";
import { checkShape, decodeElements, ELEMENT_BYTES, encodeElements } from "./elements.ts";
import type { HostDtype, HostTensor } from "./host_tensor.ts";
import { refusal, type Refuse } from "./refusal.ts";
import { columnMajorStrides, gatherStrided } from "./strided.ts";

/** NumPy's type codes, without the byte order. */
const DTYPES: ReadonlyMap<string, HostDtype> = new Map<string, HostDtype>([
  ["b1", "bool"],
  ["i1", "int8"],
  ["u1", "uint8"],
  ["i2", "int16"],
  ["i4", "int32"],
  ["i8", "int64"],
  ["f2", "float16"],
  ["f4", "float32"],
  ["f8", "float64"],
]);

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Version 1.0 can state no longer header; later versions would, for records of many fields. */
const MAXIMUM_HEADER_BYTES = 0xffff;

/** The file position of the elements is a multiple of this (`ARRAY_ALIGN`). */
const ALIGNMENT = 64;

/** Room that NumPy leaves for the first extent to grow to (`GROWTH_AXIS_MAX_DIGITS`). */
const GROWTH_DIGITS = 21;

interface Header {
  readonly dtype: HostDtype;
  readonly littleEndian: boolean;
  readonly fortranOrder: boolean;
  readonly shape: number[];
}

/** Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, in any order of keys. */
function parseHeader(text: string, refuse: Refuse): Header {
  const invalid = () => refuse(`the header ${quoted(text)}`, "descr, fortran_order and shape");
  const body = /^\{(.*)\}\s*$/s.exec(text)?.[1];
  if (body === undefined) throw invalid();
  const entry = /\s*'(descr|fortran_order|shape)':\s*('[^']*'|True|False|\([\d\s,]*\)),?/gy;
  const values = new Map<string, string>();
  let end = 0;
  for (const match of body.matchAll(entry)) {
    if (values.has(match[1]!)) throw invalid();
    values.set(match[1]!, match[2]!);
    end = match.index + match[0].length;
  }
  const descr = values.get("descr") ?? "";
  const order = values.get("fortran_order") ?? "";
  const shapeText = /^\((.*)\)$/s.exec(values.get("shape") ?? "")?.[1];
  if (body.slice(end).trim() !== "" || !descr || !/^(True|False)$/.test(order)) throw invalid();
  if (shapeText === undefined) throw invalid();

  const [, byteOrder, code = ""] = /^'([<>|=]?)(.*)'$/.exec(descr) ?? [];
  const dtype = DTYPES.get(code);
  if (!dtype) {
    throw refuse(`elements of type ${quoted(descr)}`, `one of ${[...DTYPES.keys()].join(", ")}`);
  }
  const extents = shapeText.split(",").map((extent) => extent.trim());
  if (extents.at(-1) === "") extents.pop();
  if (!extents.every((extent) => /^\d{1,16}$/.test(extent))) throw invalid();
  return {
    dtype,
    littleEndian: byteOrder !== ">",
    fortranOrder: order === "True",
    shape: extents.map(Number),
  };
}

/**
 * Reads an array; one in Fortran order is transposed into C order. `source` names the file in
 * messages. Throws {@linkcode FormatError} for element types without a {@linkcode HostDtype}
 * (Python objects and unsigned integers of several bytes among them), and where the header and the
 * length of the file disagree.
 */
export function readNpy(bytes: Uint8Array, source: string): HostTensor {
  const refuse = refusal("NumPy array", source);
  if (!MAGIC.every((byte, i) => bytes[i] === byte) || bytes.length < 12) {
    throw refuse(`${bytes.length} bytes without NumPy's signature`, "an .npy file");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6]!;
  if (version < 1 || version > 3) throw refuse(`version ${version}`, "1 to 3");
  const lengthBytes = version === 1 ? 2 : 4;
  const headerBytes = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = 8 + lengthBytes + headerBytes;
  if (headerBytes > MAXIMUM_HEADER_BYTES || start > bytes.length) {
    throw refuse(`a header of ${headerBytes} bytes`, "one that fits the file");
  }
  const text = new TextDecoder("latin1").decode(bytes.subarray(8 + lengthBytes, start));
  const { dtype, littleEndian, fortranOrder, shape } = parseHeader(text, refuse);
  const size = ELEMENT_BYTES[dtype];
  const dataBytes = checkShape(shape, refuse) * size;
  if (dataBytes !== bytes.length - start) {
    throw refuse(
      `${bytes.length - start} bytes of elements`,
      `${dataBytes} for ${dtype} of shape [${shape.join(", ")}]`,
    );
  }
  const data = bytes.subarray(start);
  const dense = fortranOrder
    ? gatherStrided(data, size, shape, columnMajorStrides(shape), 0)
    : data;
  return { dtype, shape, data: decodeElements(dense, dtype, littleEndian) };
}

/** A shape as Python prints a tuple. */
function pythonTuple(shape: readonly number[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

/**
 * An array file of version 1.0 in C order, byte for byte as `numpy.save` of NumPy 1.23 and later
 * writes it. Throws {@linkcode FormatError} for bfloat16, which NumPy lacks.
 */
export function writeNpy(tensor: HostTensor): Uint8Array<ArrayBuffer> {
  const code = [...DTYPES].find(([, dtype]) => dtype === tensor.dtype)?.[0];
  if (code === undefined) {
    throw new FormatError(
      `cannot write a NumPy array: found elements of type ${tensor.dtype}, expected one of ` +
        [...DTYPES.values()].join(", "),
    );
  }
  const order = ELEMENT_BYTES[tensor.dtype] === 1 ? "|" : "<";
  const growth = tensor.shape.length === 0 ? 0 : GROWTH_DIGITS - String(tensor.shape[0]).length;
  const dictionary = `{'descr': '${order}${code}', 'fortran_order': False, ` +
    `'shape': ${pythonTuple(tensor.shape)}, }${" ".repeat(growth)}`;
  const start = Math.ceil((MAGIC.length + 4 + dictionary.length + 1) / ALIGNMENT) * ALIGNMENT;
  const data = encodeElements(tensor);
  const file = new Uint8Array(start + data.length).fill(0x20, 0, start - 1);
  file.set(MAGIC);
  file.set([1, 0], MAGIC.length);
  new DataView(file.buffer).setUint16(MAGIC.length + 2, start - MAGIC.length - 4, true);
  file.set(new TextEncoder().encode(dictionary), MAGIC.length + 4);
  file[start - 1] = 0x0a;
  file.set(data, start);
  return file;
}
