/**
 * Element-wise functions of one argument and their derivatives. Each is a pair of WGSL expressions in
 * `x`; adding a function is adding a row.
 */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";

/** A function as WGSL: its value and its derivative at `x`. */
export interface ElementFunctionText {
  /** For labels. */
  readonly name: string;
  /** f(x) */
  readonly value: string;
  /** f'(x); at kinks what PyTorch takes. */
  readonly derivative: string;
}

/** The largest float32: WGSL has no infinity. */
const LARGEST = 3.4028234663852886e38;

const literal = (value: number) => `f32(${Math.min(Math.max(value, -LARGEST), LARGEST)})`;

const SIGMOID = "(1.0 / (1.0 + exp(-x)))";

/**
 * erf by its series up to |x| = 2 and by a continued fraction beyond: error below 1e-6 of 1, which
 * Abramowitz & Stegun 7.1.26 (1.5e-7 in exact arithmetic) does not reach relative to small values.
 */
export const ERF = `
fn erfOf(x: f32) -> f32 {
  let a = abs(x);
  if (a < 2.0) {
    var term = x;
    var sum = x;
    for (var k = 1; k < 24; k++) {
      term *= -x * x / f32(k);
      sum += term / f32(2 * k + 1);
    }
    return 1.1283791670955126 * sum;
  }
  if (a > 6.0) { return sign(x); }
  var fraction = 0.0;
  for (var k = 24; k > 0; k--) { fraction = 0.5 * f32(k) / (a + fraction); }
  return sign(x) * (1.0 - 0.5641895835477563 * exp(-x * x) / (a + fraction));
}`;

/** The cumulative normal distribution at x. */
const NORMAL = "(0.5 * (1.0 + erfOf(x * 0.7071067811865476)))";

const row = (name: string, value: string, derivative: string): ElementFunctionText => ({
  name,
  value,
  derivative,
});

/** Functions without constants. tanh is cut where it is 1, since naga's overflows beyond 88. */
const PLAIN = {
  relu: row("relu", "max(x, 0.0)", "select(0.0, 1.0, x > 0.0)"),
  sigmoid: row("sigmoid", SIGMOID, `(${SIGMOID} * (1.0 - ${SIGMOID}))`),
  silu: row("silu", `(x * ${SIGMOID})`, `(${SIGMOID} * (1.0 + x * (1.0 - ${SIGMOID})))`),
  hardSwish: row(
    "hard swish",
    "(x * clamp(x / 6.0 + 0.5, 0.0, 1.0))",
    "select(select(x / 3.0 + 0.5, 1.0, x >= 3.0), 0.0, x <= -3.0)",
  ),
  gelu: row(
    "gelu",
    `(x * ${NORMAL})`,
    `(${NORMAL} + x * 0.3989422804014327 * exp(-0.5 * x * x))`,
  ),
  tanh: row(
    "tanh",
    "tanh(clamp(x, -20.0, 20.0))",
    "(1.0 - tanh(clamp(x, -20.0, 20.0)) * tanh(clamp(x, -20.0, 20.0)))",
  ),
  erf: row("erf", "erfOf(x)", "(1.1283791670955126 * exp(-x * x))"),
  exp: row("exp", "exp(x)", "exp(x)"),
  log: row("log", "log(x)", "(1.0 / x)"),
  sqrt: row("sqrt", "sqrt(x)", "(0.5 / sqrt(x))"),
  abs: row("abs", "abs(x)", "sign(x)"),
  negate: row("negate", "(-x)", "-1.0"),
  reciprocal: row("reciprocal", "(1.0 / x)", "(-1.0 / (x * x))"),
  softplus: row("softplus", "(max(x, 0.0) + log(1.0 + exp(-abs(x))))", SIGMOID),
  softsign: row(
    "softsign",
    "(x / (1.0 + abs(x)))",
    "(1.0 / ((1.0 + abs(x)) * (1.0 + abs(x))))",
  ),
};

/** Names of the functions without constants. */
export type PlainFunction = keyof typeof PLAIN;

/** A function without constants. */
export const plainFunction = (name: PlainFunction): ElementFunctionText => PLAIN[name];

/** min(max(x, minimum), maximum); the gradient is 0 at and beyond a bound that is finite. */
export const clipFunction = (minimum: number, maximum: number): ElementFunctionText =>
  row(
    `clip ${minimum} ${maximum}`,
    `min(max(x, ${literal(minimum)}), ${literal(maximum)})`,
    `select(0.0, 1.0, x > ${literal(minimum)} && x < ${literal(maximum)})`,
  );

/** x where positive, else slope x. */
export const leakyReluFunction = (slope: number): ElementFunctionText =>
  row(
    `leaky relu ${slope}`,
    `select(x * ${literal(slope)}, x, x > 0.0)`,
    `select(${literal(slope)}, 1.0, x > 0.0)`,
  );

/** x where positive, else alpha (exp(x) - 1), both times gamma: ELU, and SELU with its constants. */
export const eluFunction = (alpha: number, gamma = 1): ElementFunctionText =>
  row(
    `elu ${alpha} ${gamma}`,
    `(${literal(gamma)} * select(${literal(alpha)} * (exp(min(x, 0.0)) - 1.0), x, x > 0.0))`,
    `(${literal(gamma)} * select(${literal(alpha)} * exp(min(x, 0.0)), 1.0, x > 0.0))`,
  );

/** alpha x + beta, between 0 and 1. */
export const hardSigmoidFunction = (alpha: number, beta: number): ElementFunctionText => {
  const line = `(${literal(alpha)} * x + ${literal(beta)})`;
  return row(
    `hard sigmoid ${alpha} ${beta}`,
    `clamp(${line}, 0.0, 1.0)`,
    `select(0.0, ${literal(alpha)}, ${line} > 0.0 && ${line} < 1.0)`,
  );
};

const helpers = (text: string) => text.includes("erfOf") ? ERF : "";

/** x -> f(x) */
export function elementFunctionKernel(f: ElementFunctionText, elements: number): Kernel {
  const bindings = declareBindings([{ name: "values", elements }], [{ name: "y", elements }]);
  return elementwise(
    `${f.name} ${elements}`,
    elements,
    bindings + helpers(f.value),
    `let x = values[i]; y[i] = ${f.value};`,
  );
}

/** x, dy -> dx = dy f'(x) */
export function elementFunctionGradientKernel(f: ElementFunctionText, elements: number): Kernel {
  const bindings = declareBindings(
    [{ name: "values", elements }, { name: "dy", elements }],
    [{ name: "dx", elements }],
  );
  return elementwise(
    `${f.name} gradient ${elements}`,
    elements,
    bindings + helpers(f.derivative),
    `let x = values[i]; dx[i] = dy[i] * ${f.derivative};`,
  );
}
