/**
 * ONNX files (https://onnx.ai, `onnx/onnx.proto`): bytes -> the nodes, tensors, inputs and outputs of
 * the graph. Weights are not copied; {@linkcode onnxElements} gets at them. Nothing here knows what
 * an operator does.
 */

import type { HostDtype } from "./host_tensor.ts";
import type { OnnxFiles } from "./onnx_elements.ts";
import { type OnnxNode, PartBudget, readNode } from "./onnx_node.ts";
import { onnxDtype, type OnnxTensor, readEntry, readTensor } from "./onnx_tensor.ts";
import { ProtobufCursor } from "./protobuf.ts";
import { refusal, type Refuse } from "./refusal.ts";
import { quoted } from "../text/quoted.ts";

/** An input or output of the graph. */
export interface OnnxValue {
  /** Of the value. */
  readonly name: string;
  /** Element type; `undefined` where the file does not say. */
  readonly dtype: HostDtype | undefined;
  /** Extents, text or nothing where one is not fixed; `undefined` where the file does not say. */
  readonly shape: readonly (number | string | undefined)[] | undefined;
}

/** A model as its file has it. */
export interface OnnxModel {
  /** The file, and where tensors lie outside it those that hold them, once they are read. */
  readonly files: OnnxFiles;
  /** For messages. */
  readonly source: string;
  /** Version of ONNX's own operators. */
  readonly opset: number;
  /** For example `pytorch`. */
  readonly producer: string;
  /** In the order of the file, which is one of execution. */
  readonly nodes: readonly OnnxNode[];
  /** Tensors by name. */
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  /** Without those that have an initializer. */
  readonly inputs: readonly OnnxValue[];
  /** As many as the graph has. */
  readonly outputs: readonly OnnxValue[];
  /** Free text by key. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** Smallest file that could hold a graph. */
const MINIMUM_BYTES = 8;

/** True of bytes that start as ONNX files do: the version of the format, a small number. */
export function isOnnx(bytes: Uint8Array): boolean {
  return bytes.length >= MINIMUM_BYTES && bytes[0] === 0x08 && bytes[1]! > 0 && bytes[1]! < 0x40;
}

/**
 * Reads an ONNX file; `source` names it in messages.
 *
 * @throws {FormatError} where the file is damaged, has a tensor that does not fit its bytes, repeats
 * a name, or holds sparse tensors.
 */
export function readOnnx(bytes: Uint8Array<ArrayBuffer>, source: string): OnnxModel {
  const refuse = refusal("ONNX file", source);
  const budget = new PartBudget(bytes.length, refuse);
  const cursor = new ProtobufCursor(bytes, refuse);
  let opset: number | undefined;
  let producer = "";
  let graph: Graph | undefined;
  const metadata = new Map<string, string>();
  while (cursor.next()) {
    if (cursor.field === 2) {
      producer = cursor.text();
    } else if (cursor.field === 7) {
      if (graph) throw refuse("a second graph", "one");
      graph = readGraph(cursor.message(), budget);
    } else if (cursor.field === 8) {
      const { domain, version } = readOpset(cursor.message());
      if (domain !== "" && domain !== "ai.onnx") continue;
      if (opset !== undefined) throw refuse("two versions of ONNX's operators", "one");
      opset = version;
    } else if (cursor.field === 14) {
      budget.take();
      const [key, value] = readEntry(cursor.message());
      metadata.set(key, value);
    } else {
      cursor.skip();
    }
  }
  if (!graph) throw refuse("no graph", "an ONNX model");
  if (opset === undefined) throw refuse("no version of ONNX's operators", "an opset import");
  const { nodes, initializers, inputs, outputs } = graph;
  return {
    files: new Map([["", bytes]]),
    source,
    opset,
    producer,
    nodes,
    initializers,
    inputs: inputs.filter(({ name }) => !initializers.has(name)),
    outputs,
    metadata,
  };
}

/**
 * All tensors of a model that have a name: initializers, and values of Constant nodes under the name
 * of the node's output.
 */
export function namedTensors(model: OnnxModel): Map<string, OnnxTensor> {
  const tensors = new Map(model.initializers);
  for (const { operator, outputs: [name], attributes } of model.nodes) {
    const value = attributes.get("value");
    if (operator === "Constant" && name && value?.kind === "tensor") {
      tensors.set(name, { ...value.value, name });
    }
  }
  return tensors;
}

/** A file that holds one tensor and nothing else, as ONNX's own tests keep inputs and outputs. */
export function readOnnxTensor(bytes: Uint8Array<ArrayBuffer>, source: string): OnnxTensor {
  return readTensor(new ProtobufCursor(bytes, refusal("ONNX tensor", source)), "a tensor");
}

function readOpset(cursor: ProtobufCursor): { domain: string; version: number } {
  let domain = "";
  let version = 1;
  while (cursor.next()) {
    if (cursor.field === 1) domain = cursor.text();
    else if (cursor.field === 2) version = cursor.integer();
    else cursor.skip();
  }
  return { domain, version };
}

interface Graph {
  readonly nodes: OnnxNode[];
  readonly initializers: Map<string, OnnxTensor>;
  readonly inputs: OnnxValue[];
  readonly outputs: OnnxValue[];
}

function readGraph(cursor: ProtobufCursor, budget: PartBudget): Graph {
  const { refuse } = cursor;
  const graph: Graph = { nodes: [], initializers: new Map(), inputs: [], outputs: [] };
  while (cursor.next()) {
    if (cursor.field === 1) {
      graph.nodes.push(readNode(cursor.message(), budget));
    } else if (cursor.field === 5) {
      budget.take();
      const tensor = readTensor(cursor.message(), `initializer ${graph.initializers.size}`);
      if (tensor.name === "") throw refuse("an initializer without a name", "a name");
      if (graph.initializers.has(tensor.name)) {
        throw refuse(`two initializers named ${quoted(tensor.name)}`, "one");
      }
      graph.initializers.set(tensor.name, tensor);
    } else if (cursor.field === 11 || cursor.field === 12) {
      const values = cursor.field === 11 ? graph.inputs : graph.outputs;
      values.push(readValue(cursor.message(), budget));
    } else if (cursor.field === 15) {
      throw refuse("a sparse initializer", "dense tensors");
    } else {
      cursor.skip();
    }
  }
  checkNames(graph, refuse);
  return graph;
}

/** Every value has one origin, and no input is named twice. */
function checkNames({ nodes, initializers, inputs }: Graph, refuse: Refuse): void {
  const inputNames = new Set<string>();
  for (const { name } of inputs) {
    if (inputNames.has(name)) throw refuse(`two inputs named ${quoted(name)}`, "one");
    inputNames.add(name);
  }
  const written = new Set<string>();
  for (const name of nodes.flatMap((node) => node.outputs)) {
    if (name === "") continue;
    if (written.has(name) || inputNames.has(name) || initializers.has(name)) {
      throw refuse(`two values named ${quoted(name)}`, "one");
    }
    written.add(name);
  }
}

/** A ValueInfoProto; only tensors, of types that can be read. */
function readValue(cursor: ProtobufCursor, budget: PartBudget): OnnxValue {
  budget.take();
  let name = "";
  let dtype: HostDtype | undefined;
  let shape: (number | string | undefined)[] | undefined;
  while (cursor.next()) {
    if (cursor.field === 1) {
      name = cursor.text();
    } else if (cursor.field === 2) {
      const type = cursor.message();
      while (type.next()) {
        if (type.field === 6) {
          type.skip(); // denotation, which has no meaning here
          continue;
        }
        if (type.field !== 1) {
          throw cursor.refuse(`value ${quoted(name)} that is no dense tensor`, "one");
        }
        const tensor = type.message();
        while (tensor.next()) {
          if (tensor.field === 1) {
            dtype = onnxDtype(tensor.integer(), `value ${quoted(name)}`, cursor.refuse);
          } else if (tensor.field === 2) shape = readShape(tensor.message(), budget);
          else tensor.skip();
        }
      }
    } else {
      cursor.skip();
    }
  }
  return { name, dtype, shape };
}

function readShape(cursor: ProtobufCursor, budget: PartBudget): (number | string | undefined)[] {
  const shape: (number | string | undefined)[] = [];
  while (cursor.next()) {
    if (cursor.field !== 1) {
      cursor.skip();
      continue;
    }
    budget.take();
    const dimension = cursor.message();
    let extent: number | string | undefined;
    while (dimension.next()) {
      if (dimension.field === 1) extent = dimension.integer();
      else if (dimension.field === 2) extent = dimension.text();
      else dimension.skip();
    }
    // Some writers put -1 or 0 where a dimension is free.
    shape.push(typeof extent === "number" && extent < 1 ? undefined : extent);
  }
  return shape;
}
