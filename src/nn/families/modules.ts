/** PyTorch's modules on a graph: layers by the names that their tensors have in a state dict. */

import { BATCH_NORM_DEFAULTS } from "../../../shaders/batch_norm.ts";
import type { StateEntry } from "../architecture.ts";
import type { ElementFunction, Graph, Pair, Sides } from "../graph.ts";
import { anyBatch } from "../graph_batch.ts";
import { GraphBuilder } from "../graph_builder.ts";
import { moduleNormEntries } from "../norm.ts";
import { sizedArchitecture } from "../graph_architecture.ts";
import type { Architecture } from "../architecture.ts";

const both = (value: number): Pair => [value, value];
const around = (value: number): Sides => [value, value, value, value];

/** Settings of a convolution. */
export interface ConvolutionSettings {
  readonly outputs: number;
  readonly kernel: number;
  /** Default 1. */
  readonly stride?: number;
  /** By default half the kernel. */
  readonly padding?: number;
  /** Default 1. */
  readonly groups?: number;
  /** Default false. */
  readonly bias?: boolean;
}

/** A network as it is built, layer by layer; state is collected in the order of its layers. */
export class ModuleBuilder {
  readonly entries: StateEntry[] = [];
  readonly graph = new GraphBuilder();

  #parameter(name: string, shape: readonly number[], initial: StateEntry["initial"]): number {
    this.entries.push({ name, shape, kind: "parameter", ...initial && { initial } });
    return this.graph.state(name, shape, "parameter");
  }

  /** A convolution whose weight is `name`.weight, first values by He's rule from its outputs. */
  convolution(x: number, name: string, settings: ConvolutionSettings): number {
    const { outputs, kernel, stride = 1, groups = 1, bias = false } = settings;
    const { padding = (kernel - 1) / 2 } = settings;
    const channels = this.graph.shape(x)[1]!;
    const deviation = Math.sqrt(2 * groups / (kernel * kernel * outputs));
    const shape = [outputs, channels / groups, kernel, kernel];
    const inputs = [x, this.#parameter(`${name}.weight`, shape, { normal: deviation })];
    if (bias) inputs.push(this.#parameter(`${name}.bias`, [outputs], { constant: 0 }));
    return this.graph.node(name, {
      kind: "convolution",
      strides: both(stride),
      dilations: both(1),
      pads: around(padding),
      groups,
    }, inputs);
  }

  /** The batch norm of module `name`, with PyTorch's constants. */
  norm(x: number, name: string): number {
    const channels = this.graph.shape(x)[1]!;
    this.entries.push(...moduleNormEntries(name, channels));
    const state = (part: string, role: "parameter" | "statistic") =>
      this.graph.state(`${name}.${part}`, [channels], role);
    return this.graph.node(name, { kind: "norm", ...BATCH_NORM_DEFAULTS }, [
      x,
      state("weight", "parameter"),
      state("bias", "parameter"),
      state("running_mean", "statistic"),
      state("running_var", "statistic"),
    ]);
  }

  /** An element-wise function. */
  element(x: number, f: ElementFunction): number {
    return this.graph.node(f.name, { kind: "element", function: f }, [x]);
  }

  /** max(x, 0) */
  relu(x: number): number {
    return this.element(x, { name: "relu" });
  }

  /** The sum of two branches. */
  add(a: number, b: number): number {
    return this.graph.node("sum", { kind: "binary", function: "add" }, [a, b]);
  }

  /** Feature maps one after the other. */
  concat(parts: readonly number[]): number {
    return parts.length === 1
      ? parts[0]!
      : this.graph.node("features", { kind: "concat", axis: 1 }, parts);
  }

  /** Max or average pooling. */
  pool(
    x: number,
    reduction: "max" | "mean",
    window: number,
    stride = window,
    padding = 0,
  ): number {
    return this.graph.node("pool", {
      kind: "pool",
      reduction,
      window: both(window),
      strides: both(stride),
      dilations: both(1),
      pads: around(padding),
      ceil: false,
      countPads: true,
    }, [x]);
  }

  /** The mean of each map: (N,C,H,W) -> (N,C). */
  globalPool(x: number): number {
    return this.graph.node(
      "pool",
      { kind: "reduce", function: "mean", axes: [2, 3], keep: false },
      [
        x,
      ],
    );
  }

  /** One row an image. */
  flatten(x: number): number {
    const [images = 0, ...rest] = this.graph.shape(x);
    const shape = [images, rest.reduce((product, extent) => product * extent, 1)];
    return this.graph.node("flatten", { kind: "reshape", shape }, [x]);
  }

  /** A linear layer with a bias, named as modules are. */
  linear(x: number, name: string, outputs: number): number {
    const channels = this.graph.shape(x)[1]!;
    const deviation = 1 / Math.sqrt(3 * channels);
    return this.graph.node(name, { kind: "linear", transposed: false }, [
      x,
      this.#parameter(`${name}.weight`, [outputs, channels], { normal: deviation }),
      this.#parameter(`${name}.bias`, [outputs], { constant: 0 }),
    ]);
  }
}

/**
 * The architecture that `build` makes of an image input; it returns the logits.
 *
 * @param side Height and width of images that it takes.
 */
export function moduleArchitecture(
  name: string,
  side: number,
  build: (modules: ModuleBuilder, x: number) => number,
): Architecture {
  const graphs = new Map<string, Graph>();
  let entries: StateEntry[] = [];
  const graphOf = ({ height, width }: { height: number; width: number }) => {
    const key = `${height}x${width}`;
    const graph = graphs.get(key) ?? anyBatch((images) => {
      const modules = new ModuleBuilder();
      const x = modules.graph.input("images", [images, 3, height, width]);
      const logits = build(modules, x);
      entries = modules.entries;
      return modules.graph.graph([logits]);
    });
    graphs.set(key, graph);
    return graph;
  };
  const example = { height: side, width: side };
  graphOf(example);
  return sizedArchitecture({ name, entries, graphOf, example });
}
