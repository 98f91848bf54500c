/** Steps along the sign of an input gradient, in the numbers that the network sees. */

import { elementwise } from "./elementwise.ts";
import type { Preprocessing } from "./gather.ts";
import { type Binding, declareBindings, type Kernel } from "./kernel.ts";

/** A batch of images. */
export interface ImageGeometry {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
}

/** WGSL: what one unit of [0,1], black and white are after preprocessing, by channel. */
function units({ mean, deviation }: Preprocessing): string {
  const vector = (values: readonly number[]) =>
    `vec3f(${values.map((v) => `f32(${v})`).join(", ")})`;
  return `
fn unit(channel: u32) -> f32 { return ${vector(deviation.map((d) => 1 / d))}[channel]; }
fn black(channel: u32) -> f32 { return ${vector(mean.map((m, c) => -m / deviation[c]!))}[channel]; }
fn white(channel: u32) -> f32 { return ${
    vector(mean.map((m, c) => (1 - m) / deviation[c]!))
  }[channel]; }`;
}

/**
 * One step of projected gradient ascent (Madry et al. 2018): gradient, origin -> x (N,3,H,W), moved
 * by `step` along the sign of the gradient, then brought back to within `radius` of the origin and
 * between black and white; both in units of [0,1].
 *
 * @param x `in place` moves x itself; `copied` reads x first and writes y.
 */
export function ascentKernel(
  { batch, height, width }: ImageGeometry,
  preprocessing: Preprocessing,
  { step, radius }: { step: number; radius: number },
  x: "in place" | "copied",
): Kernel {
  const elements = batch * 3 * height * width;
  const copied = x === "copied";
  const reads: Binding[] = [{ name: "gradient", elements }, { name: "origin", elements }];
  if (copied) reads.unshift({ name: "x", elements });
  return elementwise(
    `ascent ${batch}x3x${height}x${width}`,
    elements,
    declareBindings(reads, [{ name: copied ? "y" : "x", elements }]) + units(preprocessing),
    `let c = i / ${height * width}u % 3u;
    let reach = f32(${radius}) * unit(c);
    let low = max(origin[i] - reach, black(c));
    let high = min(origin[i] + reach, white(c));
    ${
      copied
        ? "y"
        : "x"
    }[i] = clamp(x[i] + f32(${step}) * unit(c) * sign(gradient[i]), low, high);`,
  );
}

/** Where a square patch lies in every image of a batch. */
export interface PatchGeometry extends ImageGeometry {
  /** Side in pixels. */
  readonly size: number;
  /** Of its upper left corner. */
  readonly row: number;
  /** Of its upper left corner. */
  readonly column: number;
}

/**
 * One step of a patch that all images of a batch share: gradient (N,3,H,W), activation (1) -> x
 * (N,3,H,W), whose patches move by `step` (units of [0,1]) along the sign of their summed gradients;
 * best (3,size,size) and its bar (3,size,size), the patch before the step and the activation that
 * it reached, where that is higher than any before.
 */
export function patchAscentKernel(
  { batch, height, width, size, row, column }: PatchGeometry,
  preprocessing: Preprocessing,
  step: number,
): Kernel {
  const elements = batch * 3 * height * width;
  const patch = 3 * size * size;
  return elementwise(
    `patch ascent ${batch}x3x${height}x${width}, ${size}`,
    patch,
    declareBindings(
      [{ name: "gradient", elements }, { name: "activation", elements: 1 }],
      [{ name: "x", elements }, { name: "best", elements: patch }, {
        name: "bar",
        elements: patch,
      }],
    ) + units(preprocessing),
    `let c = i / ${size * size}u;
    let at = (c * ${height}u + ${row}u + i / ${size}u % ${size}u) * ${width}u + ${column}u + i % ${size}u;
    if (activation[0] > bar[i]) {
      bar[i] = activation[0];
      best[i] = x[at];
    }
    var sum = 0.0;
    for (var n = 0u; n < ${batch}u; n++) { sum += gradient[n * ${3 * height * width}u + at]; }
    let next = clamp(x[at] + f32(${step}) * unit(c) * sign(sum), black(c), white(c));
    for (var n = 0u; n < ${batch}u; n++) { x[n * ${3 * height * width}u + at] = next; }`,
  );
}
