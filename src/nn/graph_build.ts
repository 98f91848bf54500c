/**
 * ONNX -> graph, for given shapes of the inputs. Versions 7 to 21 of ONNX's operators, and older ones
 * where they differ little, are evened out; what does not depend on the image is computed here.
 */

import type { OnnxModel } from "../formats/onnx.ts";
import type { OnnxNode } from "../formats/onnx_node.ts";
import type { OnnxTensor } from "../formats/onnx_tensor.ts";
import { refusal } from "../formats/refusal.ts";
import { quoted } from "../text/quoted.ts";
import type { Graph } from "./graph.ts";
import { GraphBuilder } from "./graph_builder.ts";
import { ELEMENT_RULES } from "./onnx/element_rules.ts";
import { constantNode, HOST_RULES } from "./onnx/host_rules.ts";
import { type Batch, type Item, NodeReader, tensorItem, UnsupportedNode } from "./onnx/items.ts";
import {
  dropoutRule,
  gemmRule,
  instanceNormRule,
  layerNormRule,
  matMulRule,
  normRule,
  preluRule,
} from "./onnx/layer_rules.ts";
import { SHAPE_RULES } from "./onnx/shape_rules.ts";
import { convolutionRule, poolRule } from "./onnx/window_rules.ts";

type Rule = (reader: NodeReader) => Item[];

const RULES: Readonly<Record<string, Rule>> = {
  ...ELEMENT_RULES,
  ...SHAPE_RULES,
  Conv: convolutionRule,
  MaxPool: poolRule("max"),
  AveragePool: poolRule("mean"),
  BatchNormalization: normRule,
  InstanceNormalization: instanceNormRule,
  LayerNormalization: layerNormRule,
  MatMul: matMulRule,
  Gemm: gemmRule,
  PRelu: preluRule,
  Dropout: dropoutRule,
};

/** Problems that a message lists before it says how many more there are. */
const PROBLEMS_SHOWN = 12;

/** How to build a graph. */
export interface BuildOptions {
  /** Extents of every input, of images as (N,C,H,W). */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Values that become the graph's outputs; by default those of the file. */
  readonly outputs?: readonly string[];
  /** How the file lays out its images; the graph's inputs are (N,C,H,W) either way. */
  readonly layout?: "NCHW" | "NHWC";
  /** A batch that the file fixes, and the one to build for. */
  readonly batch?: Batch;
}

/** A rule of the table, and not what every object has. */
function ruleOf(table: Readonly<Record<string, Rule>>, operator: string): Rule | undefined {
  return Object.hasOwn(table, operator) ? table[operator] : undefined;
}

/** The outputs of a node; throws what says why there are none. */
function apply(reader: NodeReader): Item[] {
  const { operator } = reader.node;
  if (operator === "Constant") return [constantNode(reader)];
  const host = reader.items.every((item) => item === undefined || item.kind === "host");
  const rule = (host ? ruleOf(HOST_RULES, operator) : undefined) ?? ruleOf(RULES, operator);
  if (!rule) {
    const known = ruleOf(HOST_RULES, operator) ? " on what depends on the image" : "";
    throw new UnsupportedNode(`operator ${quoted(operator)} is not supported${known}`);
  }
  return rule(reader);
}

/**
 * Builds the graph of a model.
 *
 * @throws {FormatError} that names everything that is not supported, all of it at once.
 */
export function buildGraph(model: OnnxModel, options: BuildOptions): Graph {
  const refuse = refusal("ONNX file", model.source);
  const builder = new GraphBuilder();
  const items = new Map<string, Item | "unknown">();
  const fromFile = (tensor: OnnxTensor) => tensorItem(tensor, model, refuse);
  for (const [name, tensor] of model.initializers) items.set(name, fromFile(tensor));
  for (const { name } of model.inputs) {
    const shape = options.shapes.get(name);
    if (!shape) throw refuse(`input ${quoted(name)} of unknown shape`, "its shape to be given");
    let value = builder.input(name, shape);
    if (options.layout === "NHWC") {
      value = builder.node(name, { kind: "transpose", permutation: [0, 2, 3, 1] }, [value]);
    }
    items.set(name, { kind: "data", value, weighted: false });
  }
  const outputs = options.outputs ?? model.outputs.map(({ name }) => name);
  const read = new Set(model.nodes.flatMap((node) => node.inputs));
  const problems = new Map<string, string>();
  const problem = ({ name, operator, outputs }: OnnxNode, reason: string) => {
    if (problems.has(reason)) return;
    const where = name || outputs[0] || "";
    problems.set(reason, `${operator} ${quoted(where)}: ${reason}`);
  };
  for (const node of model.nodes) {
    const unknown = () => node.outputs.forEach((name) => items.set(name, "unknown"));
    const inputs: (Item | undefined)[] = [];
    let missing = false;
    for (const name of node.inputs) {
      const item = name === "" ? undefined : items.get(name);
      if (name !== "" && item === undefined) {
        throw refuse(`node ${quoted(node.name)} before its input ${quoted(name)}`, "another order");
      }
      missing ||= item === "unknown";
      inputs.push(item === "unknown" ? undefined : item);
    }
    if (missing) {
      const { operator } = node;
      if (!ruleOf(RULES, operator) && !ruleOf(HOST_RULES, operator) && operator !== "Constant") {
        problem(node, `operator ${quoted(operator)} is not supported`);
      }
      unknown();
      continue;
    }
    try {
      const reader = new NodeReader(node, inputs, builder, {
        opset: model.opset,
        tensorItem: fromFile,
        isRead: (name) => read.has(name),
        isOutput: (name) => outputs.includes(name),
        batch: options.batch,
      });
      const results = apply(reader);
      for (const [i, name] of node.outputs.entries()) {
        const item = results[i];
        if (item) items.set(name, item);
        else if (name !== "" && (read.has(name) || outputs.includes(name))) {
          throw new UnsupportedNode(`its output ${i} is used`);
        }
      }
    } catch (error) {
      if (!(error instanceof UnsupportedNode || error instanceof RangeError)) throw error;
      problem(node, error.message);
      unknown();
    }
  }
  if (problems.size > 0) {
    const shown = [...problems.values()];
    const more = shown.length - PROBLEMS_SHOWN;
    throw refuse(
      shown.slice(0, PROBLEMS_SHOWN).join("; ") + (more > 0 ? `; and ${more} more` : ""),
      "nodes that can be trained",
    );
  }
  return builder.graph(outputs.map((name) => {
    const item = items.get(name);
    if (item === undefined || item === "unknown") {
      throw refuse(`no value for the output ${quoted(name)}`, "a node that computes it");
    }
    if (item.kind === "data") return item.value;
    const { shape, data } = item.array();
    return builder.constant(name, shape, Float32Array.from(data));
  }));
}
