/** ONNX files as networks with their state, and a trained state back into the same file. */

import { ModelError } from "../errors.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import { namedTensors, type OnnxModel } from "../formats/onnx.ts";
import { onnxElements } from "../formats/onnx_elements.ts";
import { type Replacement, rewriteOnnx } from "../formats/onnx_write.ts";
import { refusal } from "../formats/refusal.ts";
import type { Architecture } from "./architecture.ts";
import type { Graph } from "./graph.ts";
import { graphArchitecture, graphEntries, sizedArchitecture } from "./graph_architecture.ts";
import { tensorName } from "./graph_builder.ts";
import { type ImageSize, importClassifier, type ImportOptions } from "./graph_classifier.ts";
import { floats } from "./state.ts";

/** A network that came out of an ONNX file. */
export interface OnnxNetwork {
  /** Named after the file. */
  readonly architecture: Architecture;
  /** Its parameters and statistics, float32. */
  readonly state: StateDict;
  /** What follows the logits in the file. */
  readonly cut: string | undefined;
  /** The graph for images of a size; throws `FormatError` for a size that the file does not take. */
  readonly graphOf: (size: ImageSize) => Graph;
  /** Some size that it takes. */
  readonly example: ImageSize;
}

/** The last part of a path, without its ending. */
const stem = (path: string) =>
  path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1).replace(/\.onnx$/i, "");

/** Height and width at which a file of free size is looked at first. */
const EXAMPLE = { height: 224, width: 224 };

/** True where the file leaves height or width of its images open. */
function isFreeSized({ inputs }: OnnxModel): boolean {
  const [input] = inputs;
  return input?.shape?.length === 4 &&
    input.shape.filter((extent) => typeof extent === "number").length < 3;
}

/**
 * Makes a network of an ONNX model. Where the file leaves height and width open, so does the network,
 * unless `options` has a size.
 *
 * @throws {FormatError} where anything in the file is not supported.
 */
export function onnxNetwork(model: OnnxModel, options: ImportOptions = {}): OnnxNetwork {
  const name = stem(model.source);
  const free = options.size === undefined && isFreeSized(model);
  const example = importClassifier(model, free ? { ...options, size: EXAMPLE } : options);
  const { cut, size } = example;
  const graphOf = (wanted: ImageSize) =>
    free && (wanted.height !== size.height || wanted.width !== size.width)
      ? importClassifier(model, { ...options, size: wanted }).graph
      : example.graph;
  const architecture = free
    ? sizedArchitecture({ name, entries: graphEntries(example.graph), graphOf, example: size })
    : graphArchitecture(example.graph, { name, size });
  const tensors = namedTensors(model);
  const refuse = refusal("ONNX file", model.source);
  const state: StateDict = new Map();
  for (const { name, shape } of architecture.entries) {
    const tensor = onnxElements(tensors.get(tensorName(name))!, model.files, refuse);
    state.set(name, { dtype: "float32", shape, data: floats(tensor) });
  }
  return { architecture, state, cut, graphOf, example: size };
}

/**
 * The model's files with a trained state in place of the tensors that came in, nothing else changed
 * but one more entry of metadata for each of `metadata`.
 *
 * @throws {ModelError} where a tensor serves as parameter and as statistic and these now differ.
 * @throws {FormatError} where a tensor cannot be replaced in place.
 */
export function writeOnnxState(
  model: OnnxModel,
  state: StateDict,
  metadata: ReadonlyMap<string, string>,
): Map<string, Uint8Array<ArrayBuffer>> {
  const tensors = namedTensors(model);
  const replacements = new Map<string, Replacement>();
  for (const [entry, value] of state) {
    const name = tensorName(entry);
    const values = floats(value);
    const earlier = replacements.get(name)?.values;
    if (earlier?.some((each, i) => each !== values[i])) {
      throw new ModelError(
        `cannot write ${model.source}: found tensor ${name} to be shared by values that training ` +
          "has made different, expected one tensor each; export the trained network again",
      );
    }
    replacements.set(name, { tensor: tensors.get(name)!, values });
  }
  return rewriteOnnx(model, [...replacements.values()], metadata);
}
