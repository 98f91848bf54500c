/** Where a classifier's logits are: behind its last layer, before what turns them into shares. */

import type { Graph, GraphNode, GraphValue } from "./graph.ts";
import { producers } from "./graph_simplify.ts";

/** The last layer of a classifier, as a linear one: names of its tensors. */
export interface GraphHead {
  /** Name of a parameter. */
  readonly weight: string;
  /** Name of a parameter. */
  readonly bias: string | undefined;
  /** The weight is stored as (C,K). */
  readonly transposed: boolean;
}

/** A classifier's end. */
export interface Logits {
  /** The graph with its logits (N,K) as only output. */
  readonly graph: Graph;
  /** What was cut off, for messages: `softmax`, `log softmax`, `sigmoid`. */
  readonly cut: string | undefined;
}

/** Adds nodes to a finished graph. */
class Appender {
  readonly values: GraphValue[];
  readonly nodes: GraphNode[];

  constructor(readonly graph: Graph) {
    this.values = [...graph.values];
    this.nodes = [...graph.nodes];
  }

  value(value: GraphValue): number {
    this.values.push(value);
    return this.values.length - 1;
  }

  node(operator: GraphNode["operator"], inputs: number[], shape: GraphValue["shape"]): number {
    const output = this.value({ name: "logits", shape, role: "data" });
    this.nodes.push({ name: "logits", operator, inputs, output });
    return output;
  }
}

/**
 * Walks back from an output over softmax, reshapes and a last sigmoid. A sigmoid of one unit z becomes
 * two logits, 0 and z, whose softmax is the same.
 *
 * @throws {RangeError} where what is left is not one row of numbers an image.
 */
export function findLogits(graph: Graph, output: number): Logits {
  const producer = producers(graph);
  let value = output;
  let cut: string | undefined;
  for (let node = producer.get(value); node; node = producer.get(value)) {
    const { operator } = node;
    if (operator.kind === "softmax") cut = operator.log ? "log softmax" : "softmax";
    else if (operator.kind === "element" && operator.function.name === "sigmoid") cut = "sigmoid";
    else if (operator.kind !== "reshape") break;
    value = node.inputs[0]!;
  }
  // Reshapes between the layer and the softmax are walked over only to find the softmax.
  if (cut === undefined) value = output;
  const { shape } = graph.values[value]!;
  const [batch, classes, ...rest] = shape;
  if (batch !== "N" || typeof classes !== "number" || rest.some((extent) => extent !== 1)) {
    throw new RangeError(
      `found an output of shape [${shape.join(", ")}], expected one row of logits an image`,
    );
  }
  const added = new Appender(graph);
  let logits = value;
  if (rest.length > 0) {
    const flat = ["N", classes] as const;
    logits = added.node({ kind: "reshape", shape: flat }, [logits], flat);
  }
  if (classes === 1) {
    if (cut !== "sigmoid") {
      throw new RangeError("found an output of one number, expected two or more classes");
    }
    const zero = added.value({
      name: "zero",
      shape: [],
      role: "constant",
      data: new Float32Array(1),
    });
    const none = added.node({ kind: "binary", function: "multiply" }, [logits, zero], ["N", 1]);
    logits = added.node({ kind: "concat", axis: 1 }, [none, logits], ["N", 2]);
  }
  const { values, nodes } = added;
  return { graph: { ...graph, values, nodes, outputs: [logits] }, cut };
}

/** The last layer where it is linear, with the value that it reads, (N,C). */
export function findHead(graph: Graph): { head: GraphHead; features: number } | undefined {
  const producer = producers(graph);
  const name = (value: number | undefined) => {
    const found = value === undefined ? undefined : graph.values[value];
    return found?.role === "parameter" ? found.name : undefined;
  };
  let node = producer.get(graph.outputs[0]!);
  let added: string | undefined;
  // A bias that the exporter adds in a node of its own.
  if (node?.operator.kind === "binary" && node.operator.function === "add") {
    const [a, b] = node.inputs as [number, number];
    added = name(a) ?? name(b);
    const bias = name(a) === undefined ? b : a;
    if (added === undefined || graph.values[bias]!.shape.length !== 1) return undefined;
    node = producer.get(name(a) === undefined ? a : b);
  }
  if (node?.operator.kind !== "linear") return undefined;
  const [features, w, b] = node.inputs as [number, number, number | undefined];
  const weight = name(w);
  if (weight === undefined || graph.values[features]!.shape.length !== 2) return undefined;
  if (b !== undefined && (added !== undefined || name(b) === undefined)) return undefined;
  const { transposed } = node.operator;
  return { head: { weight, bias: b === undefined ? added : name(b), transposed }, features };
}
