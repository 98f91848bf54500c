/**
 * Attention maps and their distillation loss: Zagoruyko & Komodakis, "Paying More Attention to
 * Attention" (ICLR 2017), as the NAD paper (ICLR 2021, section 3.2) and the authors' `at.py` use
 * them.
 *
 * An activation F (N,C,H,W) gives the map m = Σ_c |F_c|^p (or its mean over C), (N,H,W). A map is
 * normalised, a = m / (‖m‖ + 1e-6), with the norm over H and W of each sample. The loss of two maps
 * is the mean of (a - b)² over N, H and W, or the mean of ‖a - b‖ over N.
 */

import { elementwise } from "./elementwise.ts";
import { constants, declareBindings, type Kernel } from "./kernel.ts";

/** Added to the norm of a map, as in the authors' code. */
export const ATTENTION_EPSILON = 1e-6;

/** How an activation becomes a map. */
export interface AttentionOperator {
  /** Over channels. */
  readonly reduction: "sum" | "mean";
  /** p, at least 1; the paper's default is 2. */
  readonly power: number;
}

/**
 * How far two normalised maps are apart: `mean`, the mean of (a - b)² over N, H and W, as in the
 * authors' code; `l2`, the mean of ‖a - b‖ over N, as in the paper's equation 2.
 */
export type Distance = "mean" | "l2";

/** Two sets of maps to compare. */
export interface DistanceGeometry {
  readonly batch: number;
  /** Elements of a sample's map. */
  readonly elements: number;
  /** H times W: what the mean of a sample divides by. */
  readonly pixels: number;
}

/** Extents of an activation: N, C and H times W. */
export interface AttentionGeometry {
  readonly batch: number;
  readonly channels: number;
  readonly pixels: number;
}

/** WGSL for |f|^p. */
function magnitude(power: number): string {
  if (power === 1) return "abs(f)";
  if (power === 2) return "f * f";
  if (power === 4) return "f * f * f * f";
  return `pow(abs(f), ${power.toFixed(6)})`;
}

/** WGSL for the derivative of |f|^p, 0 at f = 0. */
function magnitudeSlope(power: number): string {
  if (power === 1) return "sign(f)";
  if (power === 2) return "2.0 * f";
  if (power === 4) return "4.0 * f * f * f";
  return `${power.toFixed(6)} * pow(abs(f), ${(power - 1).toFixed(6)}) * sign(f)`;
}

const channelFactor = (operator: AttentionOperator, channels: number) =>
  operator.reduction === "mean" ? `f32(${1 / channels})` : "1.0";

/** WGSL: the numbers of an activation by name. */
const mapConstants = ({ channels, pixels }: AttentionGeometry) => constants({ channels, pixels });

/** F (N,C,P) -> m (N,P). */
export function attentionMapKernel(g: AttentionGeometry, operator: AttentionOperator): Kernel {
  return elementwise(
    `attention map ${g.batch}x${g.channels}x${g.pixels}`,
    g.batch * g.pixels,
    mapConstants(g) + declareBindings([{ name: "x", elements: g.batch * g.channels * g.pixels }], [
      { name: "map", elements: g.batch * g.pixels },
    ]),
    /* wgsl */ `let first = i / pixels * (channels * pixels) + i % pixels;
    var sum = 0.0;
    for (var c = 0u; c < channels; c++) {
      let f = x[first + c * pixels];
      sum += ${magnitude(operator.power)};
    }
    map[i] = sum * ${channelFactor(operator, g.channels)};`,
  );
}

/** F (N,C,P), dm (N,P), with `addend` one tensor like F -> dF. */
export function attentionMapGradientKernel(
  g: AttentionGeometry,
  operator: AttentionOperator,
  addend: boolean,
): Kernel {
  const elements = g.batch * g.channels * g.pixels;
  return elementwise(
    `attention map gradient ${g.batch}x${g.channels}x${g.pixels}`,
    g.batch * g.pixels,
    mapConstants(g) + declareBindings([
      { name: "x", elements },
      { name: "dmap", elements: g.batch * g.pixels },
      ...addend ? [{ name: "addend", elements }] : [],
    ], [{ name: "dx", elements }]),
    /* wgsl */ `let first = i / pixels * (channels * pixels) + i % pixels;
    let factor = dmap[i] * ${channelFactor(operator, g.channels)};
    for (var c = 0u; c < channels; c++) {
      let j = first + c * pixels;
      let f = x[j];
      dx[j] = factor * ${magnitudeSlope(operator.power)}${addend ? " + addend[j]" : ""};
    }`,
  );
}

/** Partial sums of a map: each covers `length` pixels, `count` of them a sample. */
export function mapSegments(pixels: number): { length: number; count: number } {
  const length = Math.min(pixels, Math.max(32, Math.ceil(Math.sqrt(pixels))));
  return { length, count: Math.ceil(pixels / length) };
}

/** WGSL: the numbers of maps of `pixels` elements and their segments by name. */
function segmentConstants(pixels: number): string {
  const { length, count } = mapSegments(pixels);
  return constants({ pixels, segmentLength: length, segmentCount: count });
}

/** m (N,P) -> sums of m² over segments (N,S). */
export function mapSquaresKernel(batch: number, pixels: number): Kernel {
  const { count } = mapSegments(pixels);
  return elementwise(
    `attention norms ${batch}x${pixels}`,
    batch * count,
    segmentConstants(pixels) + declareBindings([{ name: "map", elements: batch * pixels }], [
      { name: "squares", elements: batch * count },
    ]),
    /* wgsl */ `let first = i / segmentCount * pixels + i % segmentCount * segmentLength;
    let end = min(first + segmentLength, (i / segmentCount + 1u) * pixels);
    var sum = 0.0;
    for (var j = first; j < end; j++) { sum += map[j] * map[j]; }
    squares[i] = sum;`,
  );
}

/** WGSL: `name`, the norm of sample `n`'s map from its segment sums. */
const norm = (name: string, squares: string) => /* wgsl */ `
    var ${name}Squares = 0.0;
    for (var s = 0u; s < segmentCount; s++) { ${name}Squares += ${squares}[n * segmentCount + s]; }
    let ${name} = sqrt(${name}Squares);`;

const mapBindings = (batch: number, pixels: number) => {
  const elements = batch * mapSegments(pixels).count;
  return [
    { name: "student", elements: batch * pixels },
    { name: "teacher", elements: batch * pixels },
    { name: "studentSquares", elements },
    { name: "teacherSquares", elements },
  ];
};

const NORMALISED = /* wgsl */ `
    let studentFactor = 1.0 / (studentNorm + ${ATTENTION_EPSILON});
    let teacherFactor = 1.0 / (teacherNorm + ${ATTENTION_EPSILON});`;

/**
 * Student's and teacher's maps (N,P) and segment sums (N,S) -> for each segment the sums of (a - b)²
 * and of (a - b) a (N,S,2).
 */
export function attentionDistanceKernel(batch: number, pixels: number): Kernel {
  const { count } = mapSegments(pixels);
  return elementwise(
    `attention distance ${batch}x${pixels}`,
    batch * count,
    segmentConstants(pixels) + declareBindings(mapBindings(batch, pixels), [
      { name: "distances", elements: batch * count },
      { name: "products", elements: batch * count },
    ]),
    /* wgsl */ `let n = i / segmentCount;
    ${norm("studentNorm", "studentSquares")}
    ${norm("teacherNorm", "teacherSquares")}
    ${NORMALISED}
    let first = n * pixels + i % segmentCount * segmentLength;
    let end = min(first + segmentLength, (n + 1u) * pixels);
    var squares = 0.0;
    var product = 0.0;
    for (var j = first; j < end; j++) {
      let a = student[j] * studentFactor;
      let d = a - teacher[j] * teacherFactor;
      squares += d * d;
      product += d * a;
    }
    distances[i] = squares;
    products[i] = product;`,
  );
}

/** Segment sums of (a - b)² (N,S) -> the share of each sample in the loss, ‖a - b‖ / N, (N). */
export function distanceNormsKernel(batch: number, elements: number): Kernel {
  const { count } = mapSegments(elements);
  return elementwise(
    `attention distance norms ${batch}`,
    batch,
    segmentConstants(elements) + declareBindings([{ name: "distances", elements: batch * count }], [
      { name: "norms", elements: batch },
    ]),
    /* wgsl */ `let n = i;
    ${norm("distance", "distances")}
    norms[i] = distance * f32(${1 / batch});`,
  );
}

/**
 * Student's and teacher's maps and segment sums, the products of
 * {@linkcode attentionDistanceKernel}, for `l2` its distances, gradient of the loss (1) -> gradient of
 * the student's map.
 *
 * With r = ‖m‖ and g = da, 2 (a - b) / (N P) or (a - b) / (N ‖a - b‖):
 * dm = (g - a (Σ g a) (r + ε) / r) / (r + ε).
 */
export function attentionDistanceGradientKernel(
  { batch, elements, pixels }: DistanceGeometry,
  distance: Distance,
): Kernel {
  const { count } = mapSegments(elements);
  const segments = batch * count;
  return elementwise(
    `attention distance gradient ${batch}x${elements}`,
    segments,
    segmentConstants(elements) + declareBindings([
      ...mapBindings(batch, elements),
      { name: "products", elements: segments },
      ...distance === "l2" ? [{ name: "distances", elements: segments }] : [],
      { name: "dloss", elements: 1 },
    ], [{ name: "dmap", elements: batch * elements }]),
    /* wgsl */ `let n = i / segmentCount;
    ${norm("studentNorm", "studentSquares")}
    ${norm("teacherNorm", "teacherSquares")}
    ${NORMALISED}
    var product = 0.0;
    for (var s = 0u; s < segmentCount; s++) { product += products[n * segmentCount + s]; }
    // A map of zeros has no direction: its gradient through the norm is taken as 0.
    let along = select(0.0, product / (studentNorm * studentFactor), studentNorm > 0.0);
    ${
      distance === "mean" ? `let slope = f32(${2 / (batch * pixels)});` : `
    ${norm("distance", "distances")}
    // Equal maps are at the minimum, where the norm has a kink: the gradient is taken as 0.
    let slope = select(0.0, f32(${1 / batch}) / distance, distance > 0.0);`
    }
    let factor = dloss[0] * slope * studentFactor;
    let first = n * pixels + i % segmentCount * segmentLength;
    let end = min(first + segmentLength, (n + 1u) * pixels);
    for (var j = first; j < end; j++) {
      let a = student[j] * studentFactor;
      dmap[j] = factor * (a - teacher[j] * teacherFactor - a * along);
    }`,
  );
}
