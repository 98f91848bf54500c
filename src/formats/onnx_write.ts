/**
 * Writing an ONNX file back: the bytes that came in, with the elements of some tensors overwritten and
 * metadata appended. All else stays as it was: names, order, doc strings, fields that nobody knows.
 */

import type { OnnxModel } from "./onnx.ts";
import { overwriteElements } from "./onnx_elements.ts";
import type { OnnxTensor } from "./onnx_tensor.ts";
import { refusal } from "./refusal.ts";

/** Field 14 of ModelProto, `metadata_props`, as a message. */
const METADATA_KEY = 14 << 3 | 2;

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push(value % 128 | 0x80);
  return [...bytes, value];
}

/** A field that holds `bytes`. */
function lengthDelimited(key: number, bytes: Iterable<number>): number[] {
  const contents = [...bytes];
  return [...varint(key), ...varint(contents.length), ...contents];
}

/** New elements of one tensor. */
export interface Replacement {
  /** Where the elements are. */
  readonly tensor: OnnxTensor;
  /** In the tensor's order; rounded to its element type. */
  readonly values: Float32Array<ArrayBuffer>;
}

/**
 * Copies of a model's files with new elements. Metadata is appended to the model's own file, as
 * protocol buffers allow; of entries with one key readers take the last.
 *
 * @throws {FormatError} where a tensor's elements cannot be replaced in place.
 */
export function rewriteOnnx(
  model: OnnxModel,
  replacements: readonly Replacement[],
  metadata: ReadonlyMap<string, string> = new Map(),
): Map<string, Uint8Array<ArrayBuffer>> {
  const text = new TextEncoder();
  const appended = [...metadata].flatMap(([key, value]) =>
    lengthDelimited(METADATA_KEY, [
      ...lengthDelimited(1 << 3 | 2, text.encode(key)),
      ...lengthDelimited(2 << 3 | 2, text.encode(value)),
    ])
  );
  const files = new Map([...model.files].map(([name, bytes]) => {
    const copy = new Uint8Array(bytes.length + (name === "" ? appended.length : 0));
    copy.set(bytes);
    if (name === "") copy.set(appended, bytes.length);
    return [name, copy];
  }));
  const refuse = refusal("ONNX file", model.source);
  for (const { tensor, values } of replacements) overwriteElements(tensor, files, values, refuse);
  return files;
}
