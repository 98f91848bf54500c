/**
 * A trigger that is found by gradient descent: Wang et al., "Neural Cleanse" (IEEE S&P 2019),
 * equations 2 and 3. An image x becomes (1 - m) x + m p with a mask m (H,W) and a pattern p (3,H,W),
 * both in [0,1].
 *
 * Mask and pattern are the sigmoid of an unbounded tensor, the latent trigger (4,H,W): the mask
 * first, then the pattern's channels. The authors' tanh(a) / 2 + 1/2 is sigmoid(2 a).
 */

import type { ImageGeometry } from "./adversarial.ts";
import { elementwise } from "./elementwise.ts";
import type { Preprocessing } from "./gather.ts";
import { declareBindings, type Kernel } from "./kernel.ts";
import { SUM_INVOCATIONS, WORKGROUP_TOTAL } from "./reduction.ts";

/** Planes of a latent trigger: the mask and three channels of the pattern. */
export const LATENT_PLANES = 4;

const SIGMOID = `
fn sigmoid(a: f32) -> f32 { return 1.0 / (1.0 + exp(-a)); }`;

/** WGSL: a pattern's value in the numbers that the network sees, and their size. */
function patternFunctions({ mean, deviation }: Preprocessing): string {
  const vector = (values: readonly number[]) =>
    `vec3f(${values.map((value) => `f32(${value})`).join(", ")})`;
  return `${SIGMOID}
fn unit(channel: u32) -> f32 { return ${vector(deviation.map((d) => 1 / d))}[channel]; }
fn seen(p: f32, channel: u32) -> f32 { return (p - ${vector(mean)}[channel]) * unit(channel); }`;
}

/** x (N,3,H,W) as the network sees it, latent (4,H,W) -> the same with the trigger on. */
export function stampKernel(
  { batch, height, width }: ImageGeometry,
  preprocessing: Preprocessing,
): Kernel {
  const plane = height * width;
  const elements = batch * 3 * plane;
  return elementwise(
    `stamp trigger ${batch}x3x${height}x${width}`,
    elements,
    declareBindings(
      [{ name: "x", elements }, { name: "latent", elements: LATENT_PLANES * plane }],
      [{ name: "y", elements }],
    ) + patternFunctions(preprocessing),
    `let c = i / ${plane}u % 3u;
    let m = sigmoid(latent[i % ${plane}u]);
    let p = seen(sigmoid(latent[(c + 1u) * ${plane}u + i % ${plane}u]), c);
    y[i] = (1.0 - m) * x[i] + m * p;`,
  );
}

/** x (N,3,H,W), latent (4,H,W), dy (N,3,H,W) -> gradient of the latent trigger (4,H,W). */
export function stampGradientKernel(
  { batch, height, width }: ImageGeometry,
  preprocessing: Preprocessing,
): Kernel {
  const plane = height * width;
  const elements = batch * 3 * plane;
  const latent = LATENT_PLANES * plane;
  return elementwise(
    `stamp trigger gradient ${batch}x3x${height}x${width}`,
    plane,
    declareBindings(
      [{ name: "x", elements }, { name: "latent", elements: latent }, { name: "dy", elements }],
      [{ name: "dlatent", elements: latent }],
    ) + patternFunctions(preprocessing),
    `let m = sigmoid(latent[i]);
    var dm = 0.0;
    for (var c = 0u; c < 3u; c++) {
      let q = sigmoid(latent[(c + 1u) * ${plane}u + i]);
      let p = seen(q, c);
      var sum = 0.0;
      for (var n = 0u; n < ${batch}u; n++) {
        let at = (n * 3u + c) * ${plane}u + i;
        sum += dy[at];
        dm += dy[at] * (p - x[at]);
      }
      dlatent[(c + 1u) * ${plane}u + i] = sum * m * unit(c) * q * (1.0 - q);
    }
    dlatent[i] = dm * m * (1.0 - m);`,
  );
}

/** latent (4,H,W), weight (1) -> weight times the L1 norm of the mask (1). One workgroup. */
export function maskPenaltyKernel(plane: number): Kernel {
  return {
    label: `mask penalty ${plane}`,
    workgroups: [1, 1, 1],
    wgsl: `${
      declareBindings(
        [{ name: "latent", elements: LATENT_PLANES * plane }, { name: "weight", elements: 1 }],
        [{ name: "penalty", elements: 1 }],
      )
    }
${SIGMOID}
${WORKGROUP_TOTAL}
@compute @workgroup_size(${SUM_INVOCATIONS})
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < ${plane}u; i += ${SUM_INVOCATIONS}u) { sum += sigmoid(latent[i]); }
  let total = workgroupTotal(lane, sum);
  if (lane == 0u) { penalty[0] = weight[0] * total; }
}`,
  };
}

/** latent (4,H,W), weight (1), gradient of the penalty (1) -> gradient of the latent (4,H,W). */
export function maskPenaltyGradientKernel(plane: number): Kernel {
  const elements = LATENT_PLANES * plane;
  return elementwise(
    `mask penalty gradient ${plane}`,
    elements,
    declareBindings(
      [
        { name: "latent", elements },
        { name: "weight", elements: 1 },
        { name: "dpenalty", elements: 1 },
      ],
      [{ name: "dlatent", elements }],
    ) + SIGMOID,
    `let m = sigmoid(latent[i]);
    dlatent[i] = select(0.0, dpenalty[0] * weight[0] * m * (1.0 - m), i < ${plane}u);`,
  );
}
