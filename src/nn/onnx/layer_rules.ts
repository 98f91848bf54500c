/** Layers with weights, and normalisation: ONNX's nodes as operators of the graph. */

import { hostSize } from "./host.ts";
import { hostItem, type Item, type NodeReader, UnsupportedNode } from "./items.ts";

/**
 * A constant that the exporter wrote as a 32-bit number, without that number's tail: 1e-5 instead of
 * 9.99999974738e-6.
 */
const short = (value: number) => Number(value.toPrecision(6));

/** BatchNormalization. Its own running statistics are used, whatever mode the file is in. */
export function normRule(reader: NodeReader): Item[] {
  if (reader.node.outputs.slice(1).some((output) => reader.model.isOutput(output))) {
    throw new UnsupportedNode("its statistics are outputs of the network");
  }
  return [reader.emit({
    kind: "norm",
    epsilon: short(reader.float("epsilon", 1e-5)),
    // ONNX's momentum is the share of the old value, PyTorch's and ours that of the new one.
    momentum: short(1 - reader.float("momentum", 0.9)),
  }, [
    reader.value(0),
    reader.value(1, "parameter"),
    reader.value(2, "parameter"),
    reader.value(3, "statistic"),
    reader.value(4, "statistic"),
  ])];
}

/** InstanceNormalization. */
export function instanceNormRule(reader: NodeReader): Item[] {
  const epsilon = short(reader.float("epsilon", 1e-5));
  return [reader.emit({ kind: "instanceNorm", epsilon }, [
    reader.value(0),
    reader.value(1, "parameter"),
    reader.value(2, "parameter"),
  ])];
}

/** LayerNormalization. */
export function layerNormRule(reader: NodeReader): Item[] {
  const rank = reader.shape(0).length;
  const axis = reader.axis(reader.int("axis", -1), rank);
  const epsilon = short(reader.float("epsilon", 1e-5));
  const inputs = [reader.value(0), reader.value(1, "parameter")];
  if (reader.items[2]) inputs.push(reader.value(2, "parameter"));
  return [reader.emit({ kind: "layerNorm", axis, epsilon }, inputs)];
}

/** MatMul: a linear layer where its second factor is a matrix of weights. */
export function matMulRule(reader: NodeReader): Item[] {
  const right = reader.item(1);
  const inputs = [reader.value(0, "parameter"), reader.value(1, "parameter")];
  if (right.kind === "host" && right.shape.length === 2) {
    return [reader.emit({ kind: "linear", transposed: true }, inputs, true)];
  }
  if (reader.shape(0).length < 2 || reader.shape(1).length < 2) {
    throw new UnsupportedNode("it multiplies vectors");
  }
  return [reader.emit({ kind: "matmul" }, inputs, true)];
}

/** Gemm: alpha a b + beta c, with a and b transposed on request. */
export function gemmRule(reader: NodeReader): Item[] {
  const { builder } = reader;
  const [alpha, beta] = [reader.float("alpha", 1), reader.float("beta", 1)];
  const transpose = (value: number) =>
    builder.node(reader.name, { kind: "transpose", permutation: [1, 0] }, [value]);
  const scaled = (value: number, factor: number) =>
    factor === 1 ? value : builder.node(reader.name, { kind: "binary", function: "multiply" }, [
      value,
      builder.constant(`${reader.name} factor`, [], Float32Array.of(factor)),
    ]);
  const bias = reader.items[2] && reader.value(2, "parameter");
  const plainBias = bias === undefined || (beta === 1 && reader.shape(2).length === 1 &&
    reader.shape(2)[0] === reader.shape(1)[reader.int("transB", 0) !== 0 ? 0 : 1]);
  const left = reader.value(0, "parameter");
  const x = reader.int("transA", 0) !== 0 ? transpose(left) : left;
  const fused = alpha === 1 && plainBias && bias !== undefined ? [bias] : [];
  const product = reader.emit(
    { kind: "linear", transposed: reader.int("transB", 0) === 0 },
    [x, reader.value(1, "parameter"), ...fused],
    true,
  );
  if (fused.length > 0) return [product];
  const value = scaled(product.value, alpha);
  if (bias === undefined) return [{ ...product, value }];
  return [reader.emit({ kind: "binary", function: "add" }, [value, scaled(bias, beta)], true)];
}

/** PRelu; before version 7 a vector of slopes belonged to the channels. */
export function preluRule(reader: NodeReader): Item[] {
  let slope = reader.value(1, "parameter");
  const [shape, slopes] = [reader.shape(0), reader.shape(1)];
  if (reader.opset < 7 && slopes.length === 1 && shape.length > 2) {
    const spread = [slopes[0]!, ...shape.slice(2).map(() => 1)];
    slope = reader.builder.node(reader.name, { kind: "reshape", shape: spread }, [slope]);
  }
  return [reader.emit({ kind: "prelu" }, [reader.value(0), slope])];
}

/**
 * Dropout. The mask is that of evaluation, where nothing is dropped: it may leave the network, but no
 * node may count on it.
 */
export function dropoutRule(reader: NodeReader): Item[] {
  const mask = reader.node.outputs[1];
  if (mask && reader.model.isRead(mask)) throw new UnsupportedNode("its mask is used");
  const ratio = reader.numberOrInput("ratio", 1) ?? 0.5;
  if (!(ratio >= 0 && ratio < 1)) throw new UnsupportedNode(`its ratio is ${ratio}`);
  const x = reader.item(0);
  const y = ratio === 0
    ? x
    : reader.emit({ kind: "dropout", ratio: short(ratio) }, [reader.value(0)]);
  if (!mask) return [y];
  const shape = reader.shape(0);
  return [y, hostItem({ type: "bool", shape, data: new Float64Array(hostSize(shape)).fill(1) })];
}
