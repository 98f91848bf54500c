/**
 * The subgroup kernel whose result is an image: the forward convolution, and the input gradient.
 *
 * Each lane owns one destination channel, and an invocation owns all pixels of a tile of whole rows,
 * one accumulator each. For every source channel the subgroup loads the window of source pixels
 * once, spread over its lanes, and the weights, each lane those of its own channel. A product is
 * then a broadcast pixel times an own weight, so stride, padding and parity are settled while the
 * text is written: products with padding at the left and right are left out, and rows above and
 * below the source are masked where they are loaded.
 */

import { type Binding, declareBindings, groupsOf } from "../kernel.ts";
import { BroadcastRun, unroll, vectorType } from "./lanes.ts";
import {
  accumulator,
  type Epilogue,
  epilogueBindings,
  writeEpilogue,
} from "./subgroup_epilogue.ts";
import type { ImagePlan, ImageProblem } from "./subgroup_plan.ts";
import { type ConvolutionFacts, convolutionLabel } from "./use.ts";
import type { ImageKernel } from "./variant.ts";

/**
 * Loads the weights of source channel c; lanes past the last channel load those of the last. The
 * taps of a lane begin anywhere in a vector, so whole vectors are loaded and shifted into place.
 */
function loadWeights(problem: ImageProblem, plan: ImagePlan): string {
  const { weightStride, destination, kernelSize } = problem;
  const taps = kernelSize ** 2;
  return unroll(plan.tile.laneGroups, (g) => {
    const own = `min(k0 + ${g * plan.tile.lanes}u + lane, ${destination.channels - 1}u)`;
    const first =
      `let first${g} = ${own} * ${weightStride.destination}u + c * ${weightStride.source}u;`;
    if (plan.weights.size === 1) {
      return `${first}\n${
        unroll(taps, (tap) => `let ${weight(g, tap)} = w[first${g} + ${tap}u];`)
      }`;
    }
    const raw = (index: number) => `raw${g}_${index >> 2}.${"xyzw"[index & 3]}`;
    return [
      first,
      unroll(plan.weights.loads, (i) => `let raw${g}_${i} = w[first${g} / 4u + ${i}u];`),
      `let one${g} = (first${g} & 1u) != 0u;`,
      `let two${g} = (first${g} & 2u) != 0u;`,
      unroll(taps + 2, (i) => `let half${g}_${i} = select(${raw(i)}, ${raw(i + 1)}, one${g});`),
      unroll(
        taps,
        (tap) => `let ${weight(g, tap)} = select(half${g}_${tap}, half${g}_${tap + 2}, two${g});`,
      ),
    ].join("\n");
  });
}

/** Variable of a weight of source channel c. */
function weight(group: number, tap: number): string {
  return `w${group}_${tap}`;
}

/** Declares the slots of the window, before the loop: `slot0`, and `inside0` where masked. */
function declareSlots(problem: ImageProblem, plan: ImagePlan): string {
  const { source } = problem;
  const last = source.height * source.width / plan.sourceVector - 1;
  const lines = [
    `let start = i32(tile * ${plan.slotsPerTile}u + lane) + (${plan.firstSlot});`,
  ];
  plan.loads.forEach(({ used, masked }, i) => {
    if (!used) return;
    const slot = `start + ${i * plan.tile.lanes}`;
    lines.push(
      masked
        ? `let slot${i} = u32(clamp(${slot}, 0, ${last})); ` +
          `let inside${i} = u32(${slot}) <= ${last}u;`
        : `let slot${i} = u32(${slot});`,
    );
  });
  return lines.join("\n");
}

/** Loads the window of source channel c and adds all its products. */
function addChannel(problem: ImageProblem, plan: ImagePlan, normalise: boolean): string {
  const { source, kernelSize, destination } = problem;
  const { sourceVector: size, tile } = plan;
  const type = vectorType(size);
  const lines = [
    `let plane = (n * ${source.channels}u + c) * ${source.height * source.width / size}u;`,
  ];
  if (normalise) {
    lines.push(
      "let scale = coefficients[c];",
      `let shift = coefficients[${source.channels}u + c];`,
    );
  }
  plan.loads.forEach(({ used, masked }, i) => {
    if (!used) return;
    let value = `source[plane + slot${i}]`;
    if (normalise) value = `max(${value} * scale + shift, ${type}())`;
    if (masked) value = `select(${type}(), ${value}, inside${i})`;
    lines.push(`let x${i} = ${value};`);
  });
  const pixels = new BroadcastRun("x", size, tile.lanes);
  plan.rows.forEach((rowProducts, row) => {
    plan.columns.forEach((columnProducts, column) => {
      const terms = rowProducts.flatMap((y) =>
        columnProducts.map((x) => ({
          pixel: pixels.at(y.position * source.width + x.position),
          tap: y.tap * kernelSize + x.tap,
        }))
      );
      if (terms.length === 0) return;
      lines.push(pixels.declarations());
      for (let g = 0; g < tile.laneGroups; g++) {
        const target = accumulator(row * destination.width + column, g);
        const products = terms.map(({ pixel, tap }) => `${pixel} * ${weight(g, tap)}`);
        lines.push(`${target} = ${target} + ${products.join(" + ")};`);
      }
    });
  });
  return lines.join("\n");
}

/** The kernel for `plan`, with relu(scale x + shift) in place of the source where `normalise`. */
export function imageKernel(
  convolution: ConvolutionFacts,
  problem: ImageProblem,
  plan: ImagePlan,
  normalise: boolean,
  epilogue: Epilogue,
): ImageKernel {
  const { batch, source, destination, kernelSize } = problem;
  const { tile } = plan;
  const floats = (extent: { channels: number; height: number; width: number }) =>
    batch * extent.channels * extent.height * extent.width;
  const image = (name: string, elements: number, size: 1 | 2 | 4): Binding => ({
    name,
    elements: elements / size,
    type: vectorType(size),
  });
  const extra = epilogueBindings(problem, plan, epilogue);
  const reads = [
    image("source", floats(source), plan.sourceVector),
    image("w", source.channels * destination.channels * kernelSize ** 2, plan.weights.size),
    ...(normalise ? [{ name: "coefficients", elements: 2 * source.channels }] : []),
    ...extra.reads,
  ];
  const writes = [image("result", floats(destination), plan.destinationVector), ...extra.writes];
  const pixels = tile.rows * destination.width;
  const wgsl = `
${declareBindings(reads, writes)}
@compute @workgroup_size(${tile.lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let k0 = group.x * ${tile.lanes * tile.laneGroups}u;
  let tile = group.y;
  let n = group.z;
  ${declareSlots(problem, plan)}
  ${
    unroll(
      tile.laneGroups,
      (g) => unroll(pixels, (i) => `var ${accumulator(i, g)} = 0.0;`),
    )
  }
  for (var c = 0u; c < ${source.channels}u; c++) {
    ${loadWeights(problem, plan)}
    ${addChannel(problem, plan, normalise)}
  }
  ${writeEpilogue(problem, plan, epilogue)}
}
`;
  const partials = epilogue.statistics || epilogue.normalised;
  return {
    label: convolutionLabel(convolution),
    convolution,
    wgsl,
    subgroups: true,
    workgroups: [groupsOf(destination.channels, tile.lanes * tile.laneGroups), plan.tiles, batch],
    parts: partials ? batch * plan.tiles : 0,
    valuesPerPart: pixels,
  };
}
