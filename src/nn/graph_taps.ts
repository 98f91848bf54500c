/**
 * Which activations of an unknown network attention is taken of. What the hand-written networks and
 * the published codes do, as a rule: the last output of each stage, before it is pooled.
 *
 * A cut point is a value through which every path from the image to the logits runs: ends of residual
 * blocks are, insides of branches never. At each resolution the last join of branches is taken, with
 * the activation that follows it; where nothing joins, the last activation. Three resolutions at most,
 * the last ones, each of at least four pixels.
 */

import type { Graph, GraphNode } from "./graph.ts";
import { producers, readers } from "./graph_simplify.ts";

/** Taps of a network, at most. */
const MAXIMUM_TAPS = 3;

/** Pixels of the smallest map that is of use. */
const MINIMUM_PIXELS = 4;

/** Operators whose outputs are not taken: they pool, move or preprocess. */
const NOT_TAKEN = ["pool", "adaptivePool", "reduce", "pad", "transpose", "reshape", "slice"];

const isWeighted = (node: GraphNode) =>
  node.operator.kind === "convolution" || node.operator.kind === "linear" ||
  node.operator.kind === "matmul";

const isActivation = (node: GraphNode) =>
  node.operator.kind === "element" || node.operator.kind === "prelu";

/** The nodes that carry the image to the logits, in order. */
function trunk(graph: Graph): GraphNode[] {
  const reached = new Set(graph.inputs);
  return graph.nodes.filter((node) => {
    const carries = node.inputs.some((input) => reached.has(input));
    if (carries) reached.add(node.output);
    return carries;
  });
}

/** Values through which every path runs, with the nodes that compute them, in order. */
function cutPoints(graph: Graph, nodes: readonly GraphNode[]): GraphNode[] {
  const uses = new Map<number, number>();
  for (const node of nodes) {
    for (const input of node.inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
  }
  const open = new Set(graph.inputs);
  const carried = new Set([...graph.inputs, ...nodes.map((node) => node.output)]);
  return nodes.filter((node) => {
    for (const input of node.inputs) {
      if (!carried.has(input)) continue;
      uses.set(input, uses.get(input)! - 1);
      if (uses.get(input) === 0) open.delete(input);
    }
    open.add(node.output);
    return open.size === 1;
  });
}

/** Multiplications of a convolution, for one image. */
function work(graph: Graph, node: GraphNode): number {
  if (node.operator.kind !== "convolution") return 0;
  const [, perGroup, rows, columns] = graph.values[node.inputs[1]!]!.shape as number[];
  const [, outputs, height, width] = graph.values[node.output]!.shape as number[];
  return perGroup! * rows! * columns! * outputs! * height! * width!;
}

/** The values to tap, in the order of the forward pass; empty where no value is fit for it. */
export function chooseTaps(graph: Graph): number[] {
  const nodes = trunk(graph);
  const head = nodes.findLastIndex(isWeighted);
  const before = nodes.slice(0, Math.max(head, 0));
  const producer = producers(graph);
  const reader = readers(graph);
  const carried = new Set([...graph.inputs, ...nodes.map((node) => node.output)]);
  const shape = (node: GraphNode) => graph.values[node.output]!.shape;
  const resolution = (node: GraphNode) => shape(node).slice(2).join("x");
  const written = new Set(
    before.filter(({ operator }) => operator.kind === "convolution").map(resolution),
  );
  const cuts = cutPoints(graph, nodes).filter((node) => before.includes(node));
  const isCut = new Set(cuts);
  const fit = cuts.filter((node) => {
    const [, , height, width] = shape(node);
    const { operator } = node;
    return shape(node).length === 4 && Number(height) * Number(width) >= MINIMUM_PIXELS &&
      written.has(resolution(node)) && !NOT_TAKEN.includes(operator.kind) &&
      !(operator.kind === "binary" && ["subtract", "divide"].includes(operator.function));
  });
  const isJoin = ({ operator, inputs }: GraphNode) =>
    operator.kind === "concat" ||
    (operator.kind === "binary" && operator.function === "add" &&
      inputs.every((input) => carried.has(input)));
  /** The activation that directly follows, where it is a cut point as well. */
  const activated = (node: GraphNode) => {
    const [next, ...others] = reader.get(node.output) ?? [];
    return next && others.length === 0 && isActivation(next) && isCut.has(next) ? next : node;
  };
  const byResolution = Map.groupBy(fit, resolution);
  const lastResolution = [...byResolution.keys()].at(-1);
  const chosen = [...byResolution].map(([at, candidates]) => {
    const join = candidates.findLast(isJoin);
    const lastActivation = candidates.findLast(isActivation);
    if (!join) return lastActivation ?? candidates.at(-1)!;
    const end = activated(join);
    if (at !== lastResolution || !lastActivation) return end;
    const from = nodes.indexOf(end);
    const convolved = nodes.slice(from + 1, nodes.indexOf(lastActivation))
      .some(({ operator }) => operator.kind === "convolution");
    return convolved ? lastActivation : end;
  });
  if (chosen.length >= 2) return chosen.slice(-MAXIMUM_TAPS).map((node) => node.output);
  return thirds(graph, before, fit.filter((node) => isActivation(node) || isJoin(node)), producer);
}

/** Of a network at one resolution: cut points after each third of its work. */
function thirds(
  graph: Graph,
  before: readonly GraphNode[],
  fit: readonly GraphNode[],
  producer: ReadonlyMap<number, GraphNode>,
): number[] {
  const total = before.reduce((sum, node) => sum + work(graph, node), 0);
  const done = new Map<GraphNode, number>();
  let sum = 0;
  for (const node of before) done.set(node, sum += work(graph, node));
  const chosen = new Set<number>();
  for (let third = 1; third <= MAXIMUM_TAPS; third++) {
    const node = fit.find((each) => done.get(each)! >= total * third / MAXIMUM_TAPS - 1e-9) ??
      fit.at(-1);
    if (node) chosen.add(node.output);
  }
  return [...chosen].sort((a, b) =>
    before.indexOf(producer.get(a)!) - before.indexOf(producer.get(b)!)
  );
}
