/** The elements of a tensor of an ONNX file, and new elements in their place. */

import { decodeElements, ELEMENT_BYTES, encodeElements } from "./elements.ts";
import { elementCount, type HostArray, type HostTensor } from "./host_tensor.ts";
import type { ElementRun, OnnxTensor } from "./onnx_tensor.ts";
import { ProtobufCursor } from "./protobuf.ts";
import type { Refuse } from "./refusal.ts";
import { quoted } from "../text/quoted.ts";

/** Most int64 elements written as varints: they may take eight times their bytes in the file. */
const MAXIMUM_LONGS = 2 ** 20;

/** Elements that were given as varints; half precisions come as their bits. */
function decodeIntegers(
  { name, dtype, shape }: OnnxTensor,
  field: number,
  cursor: ProtobufCursor,
): HostArray {
  const count = elementCount(shape);
  if (dtype === "int64" && count > MAXIMUM_LONGS) {
    throw cursor.refuse(`${count} elements of ${quoted(name)} as varints`, "raw data");
  }
  const size = ELEMENT_BYTES[dtype];
  const view = new DataView(new ArrayBuffer(count * size));
  let i = 0;
  const put = (value: bigint) => {
    const at = size * i++;
    if (size === 8) view.setBigInt64(at, value, true);
    else if (size === 4) view.setInt32(at, Number(BigInt.asIntN(32, value)), true);
    else if (size === 2) view.setInt16(at, Number(BigInt.asIntN(16, value)), true);
    else view.setInt8(at, Number(BigInt.asIntN(8, value)));
  };
  while (cursor.next()) {
    if (cursor.field === field) cursor.integers(put);
    else cursor.skip();
  }
  return decodeElements(new Uint8Array(view.buffer), dtype);
}

/** The bytes of the runs one after the other. */
function gather(bytes: Uint8Array, runs: readonly ElementRun[], size: number): Uint8Array {
  const [only] = runs;
  if (runs.length === 1 && only!.stride === size) {
    return bytes.subarray(only!.start, only!.start + only!.count * size);
  }
  const total = runs.reduce((sum, run) => sum + run.count, 0);
  const joined = new Uint8Array(total * size);
  let at = 0;
  for (const { start, count, stride } of runs) {
    for (let i = 0; i < count; i++, at += size) {
      joined.set(bytes.subarray(start + i * stride, start + i * stride + size), at);
    }
  }
  return joined;
}

/** The model's file, under the empty name, and the files beside it that hold tensors. */
export type OnnxFiles = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** The file that a tensor's elements lie in, and which is long enough. */
function fileOf(tensor: OnnxTensor, files: OnnxFiles, refuse: Refuse): Uint8Array<ArrayBuffer> {
  const { data } = tensor;
  const name = data.kind === "runs" ? data.file : "";
  const bytes = files.get(name);
  if (!bytes) {
    throw refuse(
      `tensor ${quoted(tensor.name)} in the file ${quoted(name)}`,
      "that file beside the model",
    );
  }
  if (data.kind === "runs") {
    for (const { start, count, stride } of data.runs) {
      if (start + count * stride <= bytes.length) continue;
      throw refuse(
        `tensor ${quoted(tensor.name)} up to byte ${start + count * stride} of ${quoted(name)}`,
        `at most ${bytes.length}, its size`,
      );
    }
  }
  return bytes;
}

/**
 * A tensor's elements, copied.
 *
 * @throws what `refuse` makes for a tensor whose elements are in a file that is missing or short.
 */
export function onnxElements(tensor: OnnxTensor, files: OnnxFiles, refuse: Refuse): HostTensor {
  const { dtype, shape, data } = tensor;
  const bytes = fileOf(tensor, files, refuse);
  if (data.kind === "runs") {
    const elements = decodeElements(gather(bytes, data.runs, data.elementBytes), dtype);
    return { dtype, shape, data: elements };
  }
  const { start, end } = data.range;
  const cursor = new ProtobufCursor(bytes, refuse, start, end);
  return { dtype, shape, data: decodeIntegers(tensor, data.field, cursor) };
}

/**
 * Overwrites a tensor's elements in `files`, rounded to the type that they have there.
 *
 * @throws what `refuse` makes where the elements have no fixed size.
 */
export function overwriteElements(
  tensor: OnnxTensor,
  files: OnnxFiles,
  values: Float32Array<ArrayBuffer>,
  refuse: Refuse,
): void {
  const { dtype, shape, data } = tensor;
  if (data.kind !== "runs") {
    throw refuse(
      `tensor ${quoted(tensor.name)} whose elements cannot be replaced where they are`,
      "raw data; export the model again",
    );
  }
  if (values.length !== elementCount(shape)) {
    throw new RangeError(`${tensor.name}: ${values.length} values for [${shape.join(", ")}]`);
  }
  const bytes = fileOf(tensor, files, refuse);
  const elements = dtype === "float64" ? Float64Array.from(values) : values;
  const encoded = encodeElements({ dtype, shape, data: elements });
  let at = 0;
  for (const { start, count, stride } of data.runs) {
    for (let i = 0; i < count; i++, at += data.elementBytes) {
      bytes.set(encoded.subarray(at, at + data.elementBytes), start + i * stride);
    }
  }
}
