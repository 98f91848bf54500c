/** Builds a graph node by node, with shapes checked as it grows; importers and families use it. */

import type { Graph, GraphNode, GraphValue, Operator } from "./graph.ts";
import { outputShape } from "./graph_shapes.ts";

/** Most elements of one tensor of a network: what a GPU buffer could hold, with room. */
const MAXIMUM_ELEMENTS = 2 ** 31;

/** Between the name of a tensor and the second role that it has. */
const AS_ROLE = " as ";

/** The name of the tensor in the file that an entry of the state is. */
export function tensorName(entry: string): string {
  return entry.replace(/ as (?:parameter|statistic)$/, "");
}

type ConcreteValue = Omit<GraphValue, "shape"> & { readonly shape: readonly number[] };

/** A graph at one batch and image size, under construction. */
export class GraphBuilder {
  readonly #values: ConcreteValue[] = [];
  readonly #nodes: GraphNode[] = [];
  readonly #inputs: number[] = [];
  readonly #states = new Map<string, number>();

  /** Adds a value and returns its index. */
  #add(value: ConcreteValue): number {
    const elements = value.shape.reduce((product, extent) => product * extent, 1);
    if (!(elements <= MAXIMUM_ELEMENTS)) {
      throw new RangeError(
        `found ${value.name} of shape [${value.shape.join(", ")}], ` +
          `expected at most ${MAXIMUM_ELEMENTS} elements`,
      );
    }
    this.#values.push(value);
    return this.#values.length - 1;
  }

  /** Data from outside. */
  input(name: string, shape: readonly number[]): number {
    const value = this.#add({ name, shape, role: "data" });
    this.#inputs.push(value);
    return value;
  }

  /**
   * A tensor of the state. One name is one value: networks that share a tensor train it once. A name
   * that is already there in another role gets a value of its own, under a name that says so: fresh
   * networks are exported with equal tensors merged, a bias of zeros with a mean of zeros.
   */
  state(name: string, shape: readonly number[], role: "parameter" | "statistic"): number {
    const key = `${role} ${name}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const other = role === "parameter" ? "statistic" : "parameter";
    const unique = this.#states.has(`${other} ${name}`) ? `${name}${AS_ROLE}${role}` : name;
    const value = this.#add({ name: unique, shape, role });
    this.#states.set(key, value);
    return value;
  }

  /** A fixed tensor. */
  constant(name: string, shape: readonly number[], data: Float32Array<ArrayBuffer>): number {
    return this.#add({ name, shape, role: "constant", data });
  }

  /**
   * Appends an operation and returns the value that it computes.
   *
   * @throws {RangeError} where the inputs do not fit the operator.
   */
  node(name: string, operator: Operator, inputs: readonly number[]): number {
    const shape = outputShape(operator, inputs.map((input) => this.shape(input)));
    const output = this.#add({ name, shape, role: "data" });
    this.#nodes.push({ name, operator, inputs, output });
    return output;
  }

  /** Extents of a value. */
  shape(value: number): readonly number[] {
    return this.#values[value]!.shape;
  }

  /** What a value is. */
  value(value: number): GraphValue {
    return this.#values[value]!;
  }

  /** The finished graph. */
  graph(outputs: readonly number[]): Graph {
    return { values: this.#values, nodes: this.#nodes, inputs: this.#inputs, outputs };
  }
}
