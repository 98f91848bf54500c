/**
 * Batch norms put back behind convolutions that an exporter has folded them into, for training, and
 * folded away again. Trained as it is, such a network diverges or keeps its backdoor: the recipes'
 * learning rates are for weights whose scale does not matter.
 *
 * A norm whose running statistics are the mean and variance of what its convolution puts out, with
 * gamma = sqrt(variance + epsilon) and beta = mean, changes nothing in evaluation; in training it
 * does what the folded one did.
 */

import { BATCH_NORM_DEFAULTS } from "../../shaders/batch_norm.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import type { Graph, GraphNode, GraphValue } from "./graph.ts";
import { readers } from "./graph_simplify.ts";
import { floats } from "./state.ts";

/** Mean and biased variance of each channel of a convolution's output. */
export interface ChannelMoments {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** A convolution with a bias of its own, and the norm that stands behind it in training. */
export interface FoldedNorm {
  /** The value that the convolution computes, in the graph before. */
  readonly output: number;
  /** Names of the convolution's parameters. */
  readonly weight: string;
  readonly bias: string;
  /** Names of the norm's tensors. */
  readonly norm: { gamma: string; beta: string; mean: string; variance: string };
}

/** Channels of a convolution's output. */
const channelsOf = (graph: Graph, output: number) => Number(graph.values[output]!.shape[1]);

/**
 * The convolutions that a norm can be put behind: with a bias, both tensors as they are in the file
 * and read by nothing else, and no norm right behind already.
 */
export function foldedNorms(graph: Graph): FoldedNorm[] {
  const reader = readers(graph);
  return graph.nodes.flatMap(({ operator, inputs: [, w, b], output }): FoldedNorm[] => {
    const weight = graph.values[w ?? -1];
    const bias = graph.values[b ?? -1];
    const owned = (value: number | undefined) => reader.get(value ?? -1)?.length === 1;
    const followers = reader.get(output) ?? [];
    if (
      operator.kind !== "convolution" || weight?.role !== "parameter" ||
      bias?.role !== "parameter" || !owned(w) || !owned(b) ||
      followers.some((node) => node.operator.kind === "norm")
    ) return [];
    const name = (part: string) => `${weight.name} norm ${part}`;
    const norm = {
      gamma: name("weight"),
      beta: name("bias"),
      mean: name("running_mean"),
      variance: name("running_var"),
    };
    return [{ output, weight: weight.name, bias: bias.name, norm }];
  });
}

/** The graph with a norm behind each of the convolutions. */
export function withNorms(graph: Graph, folded: readonly FoldedNorm[]): Graph {
  const values: GraphValue[] = [...graph.values];
  const moved = new Map<number, number>();
  const added = new Map<number, GraphNode>();
  for (const { output, norm } of folded) {
    const shape = [channelsOf(graph, output)];
    const state = (name: string, role: "parameter" | "statistic") =>
      values.push({ name, shape, role }) - 1;
    const inputs = [
      output,
      state(norm.gamma, "parameter"),
      state(norm.beta, "parameter"),
      state(norm.mean, "statistic"),
      state(norm.variance, "statistic"),
    ];
    const result = values.push({ ...graph.values[output]!, name: norm.gamma }) - 1;
    moved.set(output, result);
    added.set(output, {
      name: norm.gamma,
      operator: { kind: "norm", ...BATCH_NORM_DEFAULTS },
      inputs,
      output: result,
    });
  }
  const to = (value: number) => moved.get(value) ?? value;
  const nodes = graph.nodes.flatMap((node) => {
    const norm = added.get(node.output);
    const kept = { ...node, inputs: node.inputs.map(to) };
    return norm ? [kept, norm] : [kept];
  });
  return { ...graph, values, nodes, outputs: graph.outputs.map(to) };
}

/** The state with norms that change nothing, given what their convolutions put out. */
export function stateWithNorms(
  state: StateDict,
  folded: readonly FoldedNorm[],
  moments: readonly ChannelMoments[],
): StateDict {
  const result = new Map(state);
  for (const [i, { norm }] of folded.entries()) {
    const { mean, variance } = moments[i]!;
    const put = (name: string, values: Iterable<number>) => {
      const data = Float32Array.from(values);
      result.set(name, { dtype: "float32", shape: [data.length], data });
    };
    put(norm.gamma, variance.map((each) => Math.sqrt(each + BATCH_NORM_DEFAULTS.epsilon)));
    put(norm.beta, mean);
    put(norm.mean, mean);
    put(norm.variance, variance);
  }
  return result;
}

/** The state without the norms, their scale and shift in the weights and biases before them. */
export function foldedState(state: StateDict, folded: readonly FoldedNorm[]): StateDict {
  const result = new Map(state);
  for (const { weight, bias, norm } of folded) {
    const [gamma, beta, mean, variance, b] = [
      norm.gamma,
      norm.beta,
      norm.mean,
      norm.variance,
      bias,
    ].map((name) => floats(state.get(name)!)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const tensor = state.get(weight)!;
    const w = floats(tensor);
    const scale = Float64Array.from(
      gamma,
      (each, k) => each / Math.sqrt(variance[k]! + BATCH_NORM_DEFAULTS.epsilon),
    );
    const perChannel = w.length / scale.length;
    result.set(weight, {
      ...tensor,
      data: w.map((value, i) => value * scale[Math.floor(i / perChannel)]!),
    });
    result.set(bias, {
      ...state.get(bias)!,
      data: Float32Array.from(b, (value, k) => (value - mean[k]!) * scale[k]! + beta[k]!),
    });
    for (const name of Object.values(norm)) result.delete(name);
  }
  return result;
}
