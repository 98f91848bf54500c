/** Element-wise functions: ONNX's nodes as operators of the graph. */

import type { BinaryFunction, ElementFunction } from "../graph.ts";
import { type Item, type NodeReader, UnsupportedNode } from "./items.ts";

type Rule = (reader: NodeReader) => Item[];

const element = (make: (reader: NodeReader) => ElementFunction): Rule => (reader) => [
  reader.emit({ kind: "element", function: make(reader) }, [reader.value(0)]),
];

/** A second operand that an old file places by an attribute instead of by its last dimensions. */
function placed(reader: NodeReader): number | undefined {
  const axis = reader.int("axis", -1);
  if (reader.opset >= 7 || reader.int("broadcast", 0) === 0 || axis < 0) return undefined;
  const [shape, other] = [reader.shape(0), reader.shape(1)];
  const spread = [...other, ...shape.slice(axis + other.length).map(() => 1)];
  return reader.builder.node(
    reader.name,
    { kind: "reshape", shape: spread },
    [reader.value(1, role(reader, 1))],
  );
}

/**
 * A constant operand is trained where it belongs to the channels and some layer with weights has
 * come before: layer scale, a bias on its own. Single numbers are never trained, and what comes
 * before the first weights is preprocessing.
 */
function role(reader: NodeReader, i: number): "parameter" | "constant" {
  const wide = reader.shape(i).filter((extent) => extent !== 1).length;
  return reader.weighted && wide === 1 ? "parameter" : "constant";
}

const binary = (name: BinaryFunction): Rule => (reader) => {
  const second = placed(reader) ?? reader.value(1, role(reader, 1));
  return [reader.emit({ kind: "binary", function: name }, [
    reader.value(0, role(reader, 0)),
    second,
  ])];
};

/** A function of any number of arguments, two at a time. */
const variadic = (name: BinaryFunction): Rule => (reader) => {
  const values = reader.items.map((_, i) => reader.value(i));
  const last = values.reduce((a, b) =>
    reader.builder.node(reader.name, { kind: "binary", function: name }, [a, b])
  );
  return [{ kind: "data", value: last, weighted: reader.weighted }];
};

function mean(reader: NodeReader): Item[] {
  const [sum] = variadic("add")(reader);
  if (sum?.kind !== "data") throw new UnsupportedNode("it has no inputs");
  const count = reader.builder.constant("count", [], Float32Array.of(reader.items.length));
  return [reader.emit({ kind: "binary", function: "divide" }, [sum.value, count])];
}

function power(reader: NodeReader): Item[] {
  const exponent = reader.item(1);
  const one = exponent.kind === "host" && exponent.shape.every((extent) => extent === 1);
  const value = one ? exponent.array().data[0] : undefined;
  const x = reader.value(0);
  if (value === 1) return [reader.item(0)];
  if (value === 2) return [reader.emit({ kind: "binary", function: "multiply" }, [x, x])];
  if (value === 0.5) return [reader.emit({ kind: "element", function: { name: "sqrt" } }, [x])];
  return [reader.emit({ kind: "binary", function: "power" }, [x, reader.value(1)])];
}

function clip(reader: NodeReader): Item[] {
  const minimum = reader.numberOrInput("min", 1) ?? -Infinity;
  const maximum = reader.numberOrInput("max", 2) ?? Infinity;
  if (minimum === -Infinity && maximum === Infinity) return [reader.item(0)];
  const bounded: ElementFunction = minimum === 0 && maximum === Infinity
    ? { name: "relu" }
    : { name: "clip", minimum, maximum };
  return element(() => bounded)(reader);
}

function gelu(reader: NodeReader): Item[] {
  if (reader.text("approximate", "none") !== "none") {
    throw new UnsupportedNode("it approximates by tanh");
  }
  return element(() => ({ name: "gelu" }))(reader);
}

const plain = (name: Exclude<ElementFunction["name"], PLACED>) => element(() => ({ name }));

/** Functions that have constants. */
type PLACED = "clip" | "leakyRelu" | "elu" | "selu" | "hardSigmoid";

/** The rules by operator. */
export const ELEMENT_RULES: Readonly<Record<string, Rule>> = {
  Relu: plain("relu"),
  Sigmoid: plain("sigmoid"),
  HardSwish: plain("hardSwish"),
  Tanh: plain("tanh"),
  Erf: plain("erf"),
  Exp: plain("exp"),
  Log: plain("log"),
  Sqrt: plain("sqrt"),
  Abs: plain("abs"),
  Neg: plain("negate"),
  Reciprocal: plain("reciprocal"),
  Softplus: plain("softplus"),
  Softsign: plain("softsign"),
  Gelu: gelu,
  Clip: clip,
  LeakyRelu: element((reader) => ({ name: "leakyRelu", slope: reader.float("alpha", 0.01) })),
  Elu: element((reader) => ({ name: "elu", alpha: reader.float("alpha", 1) })),
  Selu: element((reader) => ({
    name: "selu",
    alpha: reader.float("alpha", 1.6732631921768188),
    gamma: reader.float("gamma", 1.0507010221481323),
  })),
  HardSigmoid: element((reader) => ({
    name: "hardSigmoid",
    alpha: reader.float("alpha", 0.2),
    beta: reader.float("beta", 0.5),
  })),
  Add: binary("add"),
  Sub: binary("subtract"),
  Mul: binary("multiply"),
  Div: binary("divide"),
  Pow: power,
  Sum: variadic("add"),
  Min: variadic("minimum"),
  Max: variadic("maximum"),
  Mean: mean,
};
