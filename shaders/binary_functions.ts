/** Element-wise functions of two arguments, either of which may be broadcast, and their gradients. */

import { broadcastPlaces, placeText } from "./affine.ts";
import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";

const size = (shape: readonly number[]) => shape.reduce((product, extent) => product * extent, 1);

/** A function as WGSL in `a` and `b`: its value, and its derivatives by each. */
interface BinaryText {
  readonly value: string;
  readonly da: string;
  readonly db: string;
}

/**
 * |a|^b with a's sign where b is an odd whole number: WGSL's pow knows positive bases only. Of a
 * negative base and a broken exponent there is none: the logarithm of a negative number is no number.
 */
const power = (exponent: string, oddRest: string) =>
  `select(pow(abs(a), ${exponent}) * select(1.0, -1.0, a < 0.0 && abs(b % 2.0) == ${oddRest}), ` +
  "log(a), a < 0.0 && fract(b) != 0.0)";
const POWER = power("b", "1.0");
const POWER_LESS = power("b - 1.0", "0.0");

const FUNCTIONS = {
  add: { value: "a + b", da: "1.0", db: "1.0" },
  subtract: { value: "a - b", da: "1.0", db: "-1.0" },
  multiply: { value: "a * b", da: "b", db: "a" },
  divide: { value: "a / b", da: "1.0 / b", db: "-a / (b * b)" },
  power: {
    value: POWER,
    da: `b * ${POWER_LESS}`,
    db: `select(0.0, ${POWER} * log(max(a, 1e-38)), a > 0.0)`,
  },
  // Equal arguments share the gradient, as in PyTorch.
  minimum: {
    value: "min(a, b)",
    da: "select(select(0.0, 0.5, a == b), 1.0, a < b)",
    db: "select(select(0.0, 0.5, a == b), 1.0, b < a)",
  },
  maximum: {
    value: "max(a, b)",
    da: "select(select(0.0, 0.5, a == b), 1.0, a > b)",
    db: "select(select(0.0, 0.5, a == b), 1.0, b > a)",
  },
  /** a where positive, else b a: PReLU with slopes b. */
  prelu: {
    value: "select(b * a, a, a > 0.0)",
    da: "select(b, 1.0, a > 0.0)",
    db: "min(a, 0.0)",
  },
} satisfies Record<string, BinaryText>;

/** Names of the functions. */
export type BinaryName = keyof typeof FUNCTIONS;

/** True where a derivative is 1 everywhere: the gradient is that of the result. */
export const passesGradient = (name: BinaryName, side: "a" | "b"): boolean =>
  FUNCTIONS[name][side === "a" ? "da" : "db"] === "1.0";

/** a, b -> f(a, b), of the shape that both are broadcast to. */
export function binaryKernel(
  name: BinaryName,
  shapes: { a: readonly number[]; b: readonly number[]; y: readonly number[] },
): Kernel {
  const place = (from: readonly number[]) => placeText(broadcastPlaces(from, shapes.y), "i");
  const bindings = declareBindings(
    [{ name: "left", elements: size(shapes.a) }, { name: "right", elements: size(shapes.b) }],
    [{ name: "y", elements: size(shapes.y) }],
  );
  return elementwise(
    `${name} [${shapes.a.join(",")}] [${shapes.b.join(",")}]`,
    size(shapes.y),
    bindings,
    `let a = left[${place(shapes.a)}];
    let b = right[${place(shapes.b)}];
    y[i] = ${FUNCTIONS[name].value};`,
  );
}

/** a, b, dy -> dy times the derivative by one side, not summed over what is broadcast. */
export function binaryGradientKernel(
  name: BinaryName,
  side: "a" | "b",
  shapes: { a: readonly number[]; b: readonly number[]; y: readonly number[] },
): Kernel {
  const place = (from: readonly number[]) => placeText(broadcastPlaces(from, shapes.y), "i");
  const text = FUNCTIONS[name][side === "a" ? "da" : "db"];
  const bindings = declareBindings([
    { name: "left", elements: size(shapes.a) },
    { name: "right", elements: size(shapes.b) },
    { name: "dy", elements: size(shapes.y) },
  ], [{ name: "d", elements: size(shapes.y) }]);
  return elementwise(
    `${name} gradient ${side} [${shapes.a.join(",")}] [${shapes.b.join(",")}]`,
    size(shapes.y),
    bindings,
    `let a = left[${place(shapes.a)}];
    let b = right[${place(shapes.b)}];
    d[i] = dy[i] * (${text});`,
  );
}
