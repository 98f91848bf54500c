/** A graph as a network that can be trained: its state, and its forward pass on a tape. */

import { ModelError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Architecture, ForwardResult, NormEntry, StateEntry } from "./architecture.ts";
import type { Graph, GraphNode } from "./graph.ts";
import { fixedShape } from "./graph.ts";
import { findHead } from "./graph_logits.ts";
import { recordOperator, withBatch } from "./graph_record.ts";
import { producers } from "./graph_simplify.ts";
import { chooseTaps } from "./graph_taps.ts";

/** Height and width of images, pixels. */
interface ImageSize {
  readonly height: number;
  readonly width: number;
}

/** What an architecture has beyond its graph. */
export interface GraphArchitectureOptions {
  /** For reports and messages. */
  readonly name: string;
  /** The one size of image that it takes. */
  readonly size: ImageSize;
}

/** A network whose graph depends on the size of the images, and its state does not. */
export interface SizedGraph {
  /** For reports and messages. */
  readonly name: string;
  /** All state, with first values, in PyTorch's order. */
  readonly entries: readonly StateEntry[];
  /** The graph for images of a size; throws `RangeError` where they are too small. */
  readonly graphOf: (size: ImageSize) => Graph;
  /** Some size that the network takes. */
  readonly example: ImageSize;
  /** The values that are its taps; by default those of {@linkcode chooseTaps}. */
  readonly tapsOf?: (graph: Graph) => readonly number[];
}

/** All state that the graph reads, in the order of first use. */
export function graphEntries(graph: Graph): StateEntry[] {
  return graph.values.flatMap(({ name, shape, role }): StateEntry[] =>
    role === "parameter" || role === "statistic"
      ? [{ name, shape: fixedShape(shape), kind: role }]
      : []
  );
}

/** The batch norms whose four tensors are state as it is in the file. */
function normsOf(graph: Graph): Map<GraphNode, NormEntry> {
  const norms = new Map<GraphNode, NormEntry>();
  for (const node of graph.nodes) {
    if (node.operator.kind !== "norm") continue;
    const { epsilon, momentum } = node.operator;
    const [weight, bias, runningMean, runningVariance] = node.inputs.slice(1)
      .map((input) => graph.values[input]!);
    const direct = [weight, bias].every((value) => value?.role === "parameter") &&
      [runningMean, runningVariance].every((value) => value?.role === "statistic");
    if (!direct) continue;
    norms.set(node, {
      weight: weight!.name,
      bias: bias!.name,
      runningMean: runningMean!.name,
      runningVariance: runningVariance!.name,
      epsilon,
      momentum,
    });
  }
  return norms;
}

/** The norm whose channels become the features one for one, through ReLU and a mean over the plane. */
function lastNormOf(
  graph: Graph,
  features: number,
  norms: ReadonlyMap<GraphNode, NormEntry>,
): NormEntry | undefined {
  const producer = producers(graph);
  let node = producer.get(features);
  while (node?.operator.kind === "reshape") node = producer.get(node.inputs[0]!);
  const { operator } = node ?? {};
  const plane = graph.values[node?.inputs[0] ?? -1]?.shape;
  const pooled = operator?.kind === "reduce"
    ? operator.function === "mean" && operator.axes.join() === "2,3"
    // A window as large as its map, as kuangliu's networks have it.
    : operator?.kind === "pool" && operator.reduction === "mean" &&
      operator.window.join() === plane?.slice(2).join() &&
      operator.pads.every((side) => side === 0);
  if (!pooled) return undefined;
  node = producer.get(node!.inputs[0]!);
  if (node?.operator.kind !== "element" || node.operator.function.name !== "relu") return undefined;
  node = producer.get(node.inputs[0]!);
  return node && norms.get(node);
}

/** What all graphs of one network have in common. */
function commonParts(graph: Graph): Omit<Architecture, "name" | "entries" | "forward" | "size"> {
  const [, classes] = graph.values[graph.outputs[0]!]!.shape;
  if (typeof classes !== "number") throw new RangeError("the number of classes is not fixed");
  const found = findHead(graph);
  const norms = normsOf(graph);
  return {
    classes,
    norms: [...norms.values()],
    head: found?.head,
    lastNorm: found && lastNormOf(graph, found.features, norms),
  };
}

/**
 * Records a graph. Taps are chosen by the rule of graph_taps.ts. A network without a linear head is
 * its own head: its features are its logits.
 */
function recordGraph(
  graph: Graph,
  tapped: readonly number[],
  ...[tape, state, x, mode]: Parameters<Architecture["forward"]>
): ForwardResult {
  const [n = 0] = x.shape;
  const values: (Tensor | undefined)[] = graph.values.map((value) => {
    if (value.role === "data") return undefined;
    if (value.role === "constant") {
      return tape.constant(fixedShape(value.shape), value.data!, value.name);
    }
    return state(value.name);
  });
  values[graph.inputs[0]!] = x;
  for (const [seed, node] of graph.nodes.entries()) {
    const inputs = node.inputs.map((input) => values[input]!);
    values[node.output] = recordOperator(tape, withBatch(node.operator, n), inputs, { mode, seed });
  }
  const logits = values[graph.outputs[0]!]!;
  const found = findHead(graph);
  return {
    logits,
    taps: tapped.map((tap) => values[tap]!),
    features: found ? values[found.features]! : logits,
  };
}

/** The architecture of a graph from images of one size to logits. */
export function graphArchitecture(graph: Graph, options: GraphArchitectureOptions): Architecture {
  const { name, size } = options;
  return {
    name,
    size,
    entries: graphEntries(graph),
    ...commonParts(graph),
    forward(tape, state, x, mode) {
      const extents = x.shape.slice(1);
      const expected = graph.values[graph.inputs[0]!]!.shape.slice(1);
      if (extents.join() !== expected.join()) {
        throw new ModelError(
          `cannot run ${name} on images of [${extents.join(", ")}]: expected [` +
            `${expected.join(", ")}], channels, height and width`,
        );
      }
      return recordGraph(graph, chooseTaps(graph), tape, state, x, mode);
    },
  };
}

/** The architecture of a network that takes images of any size, or of many. */
export function sizedArchitecture(sized: SizedGraph): Architecture {
  const { name, entries, graphOf, example, tapsOf = chooseTaps } = sized;
  return {
    name,
    entries,
    ...commonParts(graphOf(example)),
    forward(tape, state, x, mode) {
      const [, , height = 0, width = 0] = x.shape;
      let graph: Graph;
      try {
        graph = graphOf({ height, width });
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw new ModelError(
          `cannot run ${name} on images of ${height}x${width} pixels: ${error.message}`,
        );
      }
      return recordGraph(graph, tapsOf(graph), tape, state, x, mode);
    },
  };
}
