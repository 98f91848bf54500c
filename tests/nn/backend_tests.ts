/**
 * ONNX's own backend tests, from `../shared/onnx/node-tests.tar.gz`: each a model of a node or a few,
 * with inputs and outputs.
 */

import { openArchive } from "../../src/data/archive_tree.ts";
import { walkFiles } from "../../src/data/file_tree.ts";
import { openPlace } from "../../src/data/folder_tree.ts";
import { elementCount, type HostTensor } from "../../src/formats/host_tensor.ts";
import { type OnnxModel, readOnnx, readOnnxTensor } from "../../src/formats/onnx.ts";
import { onnxElements } from "../../src/formats/onnx_elements.ts";
import type { OnnxTensor } from "../../src/formats/onnx_tensor.ts";
import { refusal } from "../../src/formats/refusal.ts";

/** A test: a model, what goes in and what must come out, in the model's order. */
export interface BackendTest {
  readonly name: string;
  readonly model: OnnxModel;
  readonly inputs: readonly HostTensor[];
  readonly outputs: readonly HostTensor[];
}

/** What is not done, and why. At most one in twenty tests may be here. */
export const OUT_OF_SCOPE: ReadonlyMap<string, string> = new Map([
  ["node/test_lrn", "local response normalisation: AlexNet's, given up since 2014"],
  ["node/test_lrn_default", "local response normalisation: AlexNet's, given up since 2014"],
  ["node/test_maxpool_with_argmax_2d_precomputed_strides", "the indices of maxima, for unpooling"],
  ["node/test_cast_FLOAT_to_FLOAT16", "all computing is in float32, which is not rounded between"],
  ["node/test_cast_DOUBLE_to_FLOAT16", "all computing is in float32, which is not rounded between"],
  ["node/test_training_dropout", "the random numbers of NumPy's generator"],
  ["node/test_training_dropout_default", "the random numbers of NumPy's generator"],
  ["node/test_training_dropout_default_mask", "the random numbers of NumPy's generator"],
  ["node/test_training_dropout_mask", "the random numbers of NumPy's generator"],
]);

/** The largest difference that is allowed, given the value that is right. */
export const tolerance = (expected: number): number => 1e-5 * Math.abs(expected) + 1e-6;

/** Reads all tests. */
export async function readBackendTests(archive: URL): Promise<BackendTest[]> {
  const files = new Map<string, Map<string, Uint8Array<ArrayBuffer>>>();
  const place = await openPlace(archive.pathname);
  const tree = (await openArchive(place, place.only!))!;
  for (const name of (await walkFiles(tree, "")).files) {
    const [, folder, file] = /^(.*?\/test_[^/]+)\/(.*)$/.exec(name) ?? [];
    if (!folder || !file) continue;
    const contents = files.get(folder) ?? new Map<string, Uint8Array<ArrayBuffer>>();
    files.set(folder, contents);
    const bytes = await tree.read(name, { what: "the file", limit: 2 ** 28 });
    contents.set(file.split("/").at(-1)!, bytes);
  }
  return [...files].map(([name, contents]) => {
    const original = readOnnx(contents.get("model.onnx")!, name);
    const found = new Map<string, Uint8Array<ArrayBuffer>>(original.files);
    const tensors = (kind: string) => {
      const list: HostTensor[] = [];
      for (let i = 0; contents.has(`${kind}_${i}.pb`); i++) {
        const file = `${kind}_${i}.pb`;
        found.set(file, contents.get(file)!);
        const files = new Map([["", contents.get(file)!]]);
        const tensor = readOnnxTensor(contents.get(file)!, file);
        list.push(onnxElements(tensor, files, refusal("tensor", file)));
      }
      return list;
    };
    return {
      name,
      inputs: tensors("input"),
      outputs: tensors("output"),
      model: { ...original, files: found },
    };
  });
}

/**
 * The model with all inputs that `fixed` chooses as tensors of its file, so that they become
 * constants or parameters.
 */
export function withFixedInputs(test: BackendTest, fixed: (i: number) => boolean): OnnxModel {
  const { model } = test;
  const initializers = new Map(model.initializers);
  for (const [i, { name }] of model.inputs.entries()) {
    if (!fixed(i)) continue;
    const file = `input_${i}.pb`;
    const tensor: OnnxTensor = readOnnxTensor(model.files.get(file)!, file);
    const { data } = tensor;
    if (data.kind !== "runs") throw new Error(`${test.name}: input ${i} is no raw data`);
    initializers.set(name, { ...tensor, name, data: { ...data, file } });
  }
  return {
    ...model,
    initializers,
    inputs: model.inputs.filter(({ name }) => !initializers.has(name)),
  };
}

/** An input that is a setting and no data: an index, a shape, a truth value, a bound. */
export const isSetting = ({ dtype, shape }: HostTensor, i: number): boolean =>
  !/float/.test(dtype) || (i > 0 && shape.length === 0);

/** The largest excess of a difference over its tolerance; 0 where all is well. */
export function excess(found: ArrayLike<number>, expected: HostTensor): number {
  const values = Array.from(expected.data as ArrayLike<number | bigint>, Number);
  if (found.length !== elementCount(expected.shape)) return Infinity;
  return values.reduce((worst, value, i) => {
    if (Object.is(value, found[i]) || value === found[i]) return worst;
    const over = Math.abs(found[i]! - value) - tolerance(value);
    return Number.isNaN(over) ? Infinity : Math.max(worst, over);
  }, 0);
}
