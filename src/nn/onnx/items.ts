/** What the importer knows of each value of an ONNX graph, and how to get at its inputs. */

import { onnxElements } from "../../formats/onnx_elements.ts";
import type { OnnxModel } from "../../formats/onnx.ts";
import type { OnnxNode } from "../../formats/onnx_node.ts";
import type { OnnxTensor } from "../../formats/onnx_tensor.ts";
import type { Refuse } from "../../formats/refusal.ts";
import { quoted } from "../../text/quoted.ts";
import type { Operator } from "../graph.ts";
import type { GraphBuilder } from "../graph_builder.ts";
import type { HostArray } from "./host.ts";

/** A value that the image reaches, in the graph that is built. */
export interface DataItem {
  readonly kind: "data";
  /** Index in the graph. */
  readonly value: number;
  /** Whether a convolution or linear layer lies before it. */
  readonly weighted: boolean;
}

/** A value that is known before any image is. */
export interface HostItem {
  readonly kind: "host";
  readonly shape: readonly number[];
  readonly type: HostArray["type"];
  /** The elements, read or computed when first asked for. */
  readonly array: () => HostArray;
  /** The tensor of the file that it is, reshaped and transposed by `steps` in turn. */
  readonly origin?: { readonly tensor: OnnxTensor; readonly steps: readonly Operator[] };
}

/** A value of the ONNX graph. */
export type Item = DataItem | HostItem;

/** A host item with these elements. */
export function hostItem(array: HostArray): HostItem {
  return { kind: "host", shape: array.shape, type: array.type, array: () => array };
}

/** A host item that is a tensor of the file. */
export function tensorItem(tensor: OnnxTensor, model: OnnxModel, refuse: Refuse): HostItem {
  const { dtype, shape } = tensor;
  const type = dtype === "bool" ? "bool" : /float/.test(dtype) ? "float" : "int";
  let array: HostArray | undefined;
  return {
    kind: "host",
    shape,
    type,
    array: () => {
      if (!array) {
        const { data } = onnxElements(tensor, model.files, refuse);
        const numbers = Float64Array.from(data as ArrayLike<number | bigint>, Number);
        array = { type, shape, data: numbers };
      }
      return array;
    },
    origin: { tensor, steps: [] },
  };
}

/** Thrown by the rules of operators: a node that cannot be taken over, and why. */
export class UnsupportedNode extends Error {}

/** A batch size that a file was exported with, and the one in its place. */
export interface Batch {
  readonly declared: number | undefined;
  readonly actual: number;
}

/** What the rules of operators may ask of the model around a node. */
export interface ModelContext {
  /** Version of ONNX's operators. */
  readonly opset: number;
  /** Makes an item of a tensor that lies in the file. */
  readonly tensorItem: (tensor: OnnxTensor) => HostItem;
  /** Whether a node reads a value. */
  readonly isRead: (name: string) => boolean;
  /** Whether a value is an output of the network. */
  readonly isOutput: (name: string) => boolean;
  /** The batch that the graph is built for, and the one that the file fixes. */
  readonly batch: Batch | undefined;
}

/** One node on its way into the graph: its inputs and attributes, checked as they are asked for. */
export class NodeReader {
  /** A node whose inputs are all known. */
  constructor(
    readonly node: OnnxNode,
    readonly items: readonly (Item | undefined)[],
    readonly builder: GraphBuilder,
    readonly model: ModelContext,
  ) {}

  /** Version of ONNX's operators. */
  get opset(): number {
    return this.model.opset;
  }

  /** The elements of a tensor in the file. */
  tensor(tensor: OnnxTensor): HostArray {
    return this.model.tensorItem(tensor).array();
  }

  /** The item of input `i`, which must be there. */
  item(i: number): Item {
    const item = this.items[i];
    if (!item) throw new UnsupportedNode(`it lacks input ${i}`);
    return item;
  }

  /** Extents of input `i`. */
  shape(i: number): readonly number[] {
    const item = this.item(i);
    return item.kind === "data" ? this.builder.shape(item.value) : item.shape;
  }

  /** The elements of input `i`, which must not depend on the image; `undefined` where it is left out. */
  host(i: number): HostArray | undefined {
    const item = this.items[i];
    if (!item) return undefined;
    if (item.kind === "data") throw new UnsupportedNode(`its input ${i} depends on the image`);
    return item.array();
  }

  /** The elements of input `i`, which must be there and not depend on the image. */
  known(i: number): HostArray {
    this.item(i);
    return this.host(i)!;
  }

  /** An integer attribute. */
  int(name: string, missing: number): number {
    const attribute = this.node.attributes.get(name);
    if (!attribute) return missing;
    if (attribute.kind !== "int") throw new UnsupportedNode(`its ${quoted(name)} is no integer`);
    return Number(attribute.value);
  }

  /** A real attribute. */
  float(name: string, missing: number): number {
    const attribute = this.node.attributes.get(name);
    if (!attribute) return missing;
    if (attribute.kind !== "float") throw new UnsupportedNode(`its ${quoted(name)} is no number`);
    return attribute.value;
  }

  /** A text attribute. */
  text(name: string, missing: string): string {
    const attribute = this.node.attributes.get(name);
    if (!attribute) return missing;
    if (attribute.kind !== "string") throw new UnsupportedNode(`its ${quoted(name)} is no text`);
    return attribute.value;
  }

  /** An attribute of integers, or `undefined` where it is left out. */
  ints(name: string): number[] | undefined {
    const attribute = this.node.attributes.get(name);
    if (!attribute) return undefined;
    if (attribute.kind !== "ints") throw new UnsupportedNode(`its ${quoted(name)} is no list`);
    return attribute.value.map(Number);
  }

  /** Integers that are an attribute in older versions and input `i` in newer ones. */
  intsOrInput(name: string, i: number): number[] | undefined {
    const attribute = this.ints(name);
    if (attribute) return attribute;
    const input = this.host(i);
    return input && Array.from(input.data);
  }

  /** A number that is an attribute in older versions and input `i` in newer ones. */
  numberOrInput(name: string, i: number): number | undefined {
    if (this.node.attributes.has(name)) return this.float(name, 0);
    const input = this.host(i);
    return input && input.data[0];
  }

  /** A dimension's number, counted from the end where negative. */
  axis(axis: number, rank: number): number {
    const from = axis < 0 ? axis + rank : axis;
    if (!(Number.isInteger(from) && from >= 0 && from <= rank)) {
      throw new UnsupportedNode(`axis ${axis} of ${rank} dimensions`);
    }
    return from;
  }

  /** The node's name, else that of its first output. */
  get name(): string {
    return this.node.name || (this.node.outputs.find((output) => output !== "") ?? "");
  }

  /**
   * Input `i` as a value of the graph. A tensor of the file becomes a parameter or statistic where
   * `role` says so; everything else that is known beforehand becomes a constant.
   */
  value(i: number, role: "parameter" | "statistic" | "constant" = "constant"): number {
    const item = this.item(i);
    if (item.kind === "data") return item.value;
    const { builder } = this;
    if (role !== "constant" && item.type === "float" && item.origin) {
      const { tensor, steps } = item.origin;
      let value = builder.state(tensor.name, tensor.shape, role);
      for (const step of steps) value = builder.node(tensor.name, step, [value]);
      return value;
    }
    const { shape, data } = item.array();
    const name = item.origin?.tensor.name ?? this.node.inputs[i]!;
    return builder.constant(name, shape, Float32Array.from(data));
  }

  /** Whether any input is one that a convolution or linear layer has reached. */
  get weighted(): boolean {
    return this.items.some((item) => item?.kind === "data" && item.weighted);
  }

  /** Appends an operator and gives its result. */
  emit(operator: Operator, inputs: readonly number[], weighted = this.weighted): DataItem {
    return { kind: "data", value: this.builder.node(this.name, operator, inputs), weighted };
  }
}
