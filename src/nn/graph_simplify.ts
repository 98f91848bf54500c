/** Graphs without what does nothing: unread nodes, pairs of transposes, functions spelled out. */

import type { ElementFunction, Graph, GraphNode, GraphValue } from "./graph.ts";

/** For each value the node that computes it. */
export function producers(graph: Graph): Map<number, GraphNode> {
  return new Map(graph.nodes.map((node) => [node.output, node]));
}

/** For each value the nodes that read it, once for each time that they do. */
export function readers(graph: Graph): Map<number, GraphNode[]> {
  const result = new Map<number, GraphNode[]>();
  for (const node of graph.nodes) {
    for (const input of node.inputs) result.set(input, [...result.get(input) ?? [], node]);
  }
  return result;
}

/** The graph with only what its outputs depend on, values numbered anew. */
export function pruned(graph: Graph): Graph {
  const needed = new Set(graph.outputs);
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!needed.has(node.output)) continue;
    for (const input of node.inputs) needed.add(input);
    nodes.unshift(node);
  }
  const kept = [...graph.values.keys()].filter((i) => needed.has(i) || graph.inputs.includes(i));
  const renumbered = new Map(kept.map((old, i) => [old, i]));
  const to = (value: number) => renumbered.get(value)!;
  return {
    values: kept.map((i) => graph.values[i]!),
    nodes: nodes.map((node) => ({ ...node, inputs: node.inputs.map(to), output: to(node.output) })),
    inputs: graph.inputs.map(to),
    outputs: graph.outputs.map(to),
  };
}

/** The graph with some values read in place of others, and some nodes replaced. */
function rewritten(
  graph: Graph,
  alias: ReadonlyMap<number, number>,
  nodes: readonly GraphNode[] = graph.nodes,
): Graph {
  const to = (value: number): number => {
    const other = alias.get(value);
    return other === undefined ? value : to(other);
  };
  return pruned({
    ...graph,
    nodes: nodes.map((node) => ({ ...node, inputs: node.inputs.map(to) })),
    outputs: graph.outputs.map(to),
  });
}

/** Transposes that undo each other, as converters of (N,H,W,C) networks put them, dropped. */
function withoutTransposePairs(graph: Graph): Graph {
  const producer = producers(graph);
  const alias = new Map<number, number>();
  for (const node of graph.nodes) {
    const before = producer.get(node.inputs[0]!);
    if (node.operator.kind !== "transpose" || before?.operator.kind !== "transpose") continue;
    const { permutation: second } = node.operator;
    const { permutation: first } = before.operator;
    if (second.every((from, i) => first[from] === i)) alias.set(node.output, before.inputs[0]!);
  }
  return alias.size === 0 ? graph : rewritten(graph, alias);
}

/** The one number that a constant holds. */
function scalar(value: GraphValue | undefined): number | undefined {
  return value?.role === "constant" && value.data?.length === 1 ? value.data[0] : undefined;
}

/** Looks for one function written out as several nodes that end with `node`. */
type Recogniser = (node: GraphNode, look: Look) => { function: ElementFunction; x: number } | null;

/** What a recogniser may ask. */
interface Look {
  /** The node that computes a value. */
  readonly from: (value: number) => GraphNode | undefined;
  /** The number that a constant holds. */
  readonly number: (value: number) => number | undefined;
}

const near = (a: number | undefined, b: number) => a !== undefined && Math.abs(a - b) < 1e-5 * b;

/** The inputs of a binary node in both orders, where its function commutes. */
function pairs(node: GraphNode | undefined, name: string): [number, number][] {
  if (node?.operator.kind !== "binary" || node.operator.function !== name) return [];
  const [a, b] = node.inputs as [number, number];
  return [[a, b], ...(name === "add" || name === "multiply" ? [[b, a] as [number, number]] : [])];
}

/** x sigmoid(x) and x hardSigmoid(x), the latter with slope 1/6. */
const swish: Recogniser = (node, { from }) => {
  for (const [x, gate] of pairs(node, "multiply")) {
    const inner = from(gate);
    if (inner?.operator.kind !== "element" || inner.inputs[0] !== x) continue;
    const f = inner.operator.function;
    if (f.name === "sigmoid") return { function: { name: "silu" }, x };
    if (f.name === "hardSigmoid" && near(f.alpha, 1 / 6) && near(f.beta, 0.5)) {
      return { function: { name: "hardSwish" }, x };
    }
  }
  return null;
};

/** x clip(x + 3, 0, 6) / 6, in Paddle's order of operations. */
const paddleHardSwish: Recogniser = (node, { from, number }) => {
  for (const [product, six] of pairs(node, "divide")) {
    if (!near(number(six), 6)) continue;
    for (const [x, gate] of pairs(from(product), "multiply")) {
      const clip = from(gate);
      if (clip?.operator.kind !== "element") continue;
      const f = clip.operator.function;
      if (f.name !== "clip" || f.minimum !== 0 || f.maximum !== 6) continue;
      for (const [inner, three] of pairs(from(clip.inputs[0]!), "add")) {
        if (inner === x && near(number(three), 3)) return { function: { name: "hardSwish" }, x };
      }
    }
  }
  return null;
};

/** x (erf(x / sqrt 2) + 1) / 2, the last two factors in either order. */
const gelu: Recogniser = (node, { from, number }) => {
  for (const [product, half] of pairs(node, "multiply")) {
    const direct = near(number(half), 0.5);
    for (const [left, shifted] of pairs(direct ? from(product) : node, "multiply")) {
      for (const [x, factor] of direct ? [[left, -1] as const] : pairs(from(left), "multiply")) {
        if (!direct && !near(number(factor), 0.5)) continue;
        for (const [error, one] of pairs(from(shifted), "add")) {
          const erf = from(error);
          if (!near(number(one), 1) || erf?.operator.kind !== "element") continue;
          if (erf.operator.function.name !== "erf") continue;
          for (const [inner, root] of pairs(from(erf.inputs[0]!), "divide")) {
            if (inner === x && near(number(root), Math.SQRT2)) {
              return { function: { name: "gelu" }, x };
            }
          }
        }
      }
    }
  }
  return null;
};

/** Functions that exporters spell out, as one node each: faster, and with the exact gradient. */
function withFunctions(graph: Graph): Graph {
  const producer = producers(graph);
  const look: Look = {
    from: (value) => producer.get(value),
    number: (value) => scalar(graph.values[value]),
  };
  let found = false;
  const nodes = graph.nodes.map((node): GraphNode => {
    for (const recognise of [swish, paddleHardSwish, gelu]) {
      const match = recognise(node, look);
      if (!match) continue;
      found = true;
      const operator = { kind: "element", function: match.function } as const;
      return { ...node, operator, inputs: [match.x] };
    }
    return node;
  });
  return found ? rewritten(graph, new Map(), nodes) : graph;
}

/** The same network with fewer nodes. */
export function simplified(graph: Graph): Graph {
  return withFunctions(withoutTransposePairs(pruned(graph)));
}
