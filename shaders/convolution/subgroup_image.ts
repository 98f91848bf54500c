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
import { BroadcastRun, component, LANES, unroll, vectorType } from "./lanes.ts";
import {
  accumulator,
  type Epilogue,
  epilogueBindings,
  writeEpilogue,
} from "./subgroup_epilogue.ts";
import type { ImagePlan, ImageProblem } from "./subgroup_plan.ts";
import type { ImageKernel } from "./variant.ts";

/** Source channels of one round, as WGSL: `c`, `c + 1u`, ... */
function sourceChannel(index: number): string {
  return index === 0 ? "c" : `(c + ${index}u)`;
}

/** Loads the weights of one round; lanes past the last channel load those of the last. */
function loadWeights(problem: ImageProblem, plan: ImagePlan): string {
  const { weightStride, destination, kernelSize } = problem;
  const { laneGroups, unroll: channels } = plan.tile;
  const { weightVector: size, weightRun } = plan;
  const runs = channels * kernelSize ** 2 / weightRun;
  return unroll(laneGroups, (g) => {
    const own = `min(k0 + ${g * LANES}u + lane, ${destination.channels - 1}u)`;
    return unroll(runs, (run) => {
      const first = `(${own} * ${weightStride.destination}u + ` +
        `${sourceChannel(run)} * ${weightStride.source}u) / ${size}u`;
      return `let first${g}_${run} = ${first};\n` +
        unroll(
          weightRun / size,
          (j) => `let w${g}_${run}_${j} = w[first${g}_${run} + ${j}u];`,
        );
    });
  });
}

/** The weight of `tap` of source channel `channel` of the round. */
function weight(
  plan: ImagePlan,
  group: number,
  channel: number,
  tap: number,
  taps: number,
): string {
  const { weightRun, weightVector: size } = plan;
  const index = channel * taps + tap;
  const inRun = index % weightRun;
  const name = `w${group}_${Math.floor(index / weightRun)}_${Math.floor(inRun / size)}`;
  return component(name, size, inRun % size);
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
    const slot = `start + ${i * LANES}`;
    lines.push(
      masked
        ? `let slot${i} = u32(clamp(${slot}, 0, ${last})); ` +
          `let inside${i} = u32(${slot}) <= ${last}u;`
        : `let slot${i} = u32(${slot});`,
    );
  });
  return lines.join("\n");
}

/** Loads, for one source channel of the round, the window, and adds all its products. */
function addChannel(
  problem: ImageProblem,
  plan: ImagePlan,
  normalise: boolean,
  channel: number,
): string {
  const { source, kernelSize, destination } = problem;
  const { sourceVector: size, tile } = plan;
  const type = vectorType(size);
  const prefix = `x${channel}_`;
  const lines = [
    `let plane${channel} = (n * ${source.channels}u + ${sourceChannel(channel)}) * ` +
    `${source.height * source.width / size}u;`,
  ];
  if (normalise) {
    lines.push(
      `let scale${channel} = coefficients[${sourceChannel(channel)}];`,
      `let shift${channel} = coefficients[${source.channels}u + ${sourceChannel(channel)}];`,
    );
  }
  plan.loads.forEach(({ used, masked }, i) => {
    if (!used) return;
    let value = `source[plane${channel} + slot${i}]`;
    if (normalise) value = `max(${value} * scale${channel} + shift${channel}, ${type}())`;
    if (masked) value = `select(${type}(), ${value}, inside${i})`;
    lines.push(`let ${prefix}${i} = ${value};`);
  });
  const pixels = new BroadcastRun(prefix, size);
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
        const products = terms.map(({ pixel, tap }) =>
          `${pixel} * ${weight(plan, g, channel, tap, kernelSize ** 2)}`
        );
        lines.push(`${target} = ${target} + ${products.join(" + ")};`);
      }
    });
  });
  return lines.join("\n");
}

/** The kernel for `plan`, with relu(scale x + shift) in place of the source where `normalise`. */
export function imageKernel(
  problem: ImageProblem,
  plan: ImagePlan,
  normalise: boolean,
  epilogue: Epilogue,
): ImageKernel {
  const { batch, source, destination, kernelSize } = problem;
  const { tile } = plan;
  const floats = (extent: { channels: number; height: number; width: number }) =>
    batch * extent.channels * extent.height * extent.width;
  const weights = source.channels * destination.channels * kernelSize ** 2;
  const image = (name: string, elements: number, size: 1 | 2 | 4): Binding => ({
    name,
    elements: elements / size,
    type: vectorType(size),
  });
  const extra = epilogueBindings(problem, plan, epilogue);
  const reads = [
    image("source", floats(source), plan.sourceVector),
    image("w", weights, plan.weightVector),
    ...(normalise ? [{ name: "coefficients", elements: 2 * source.channels }] : []),
    ...extra.reads,
  ];
  const writes = [image("result", floats(destination), plan.destinationVector), ...extra.writes];
  const pixels = tile.rows * destination.width;
  const wgsl = `
${declareBindings(reads, writes)}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let lane = local.x;
  let k0 = group.x * ${LANES * tile.laneGroups}u;
  let tile = group.y;
  let n = group.z;
  ${declareSlots(problem, plan)}
  ${
    unroll(
      tile.laneGroups,
      (g) => unroll(pixels, (i) => `var ${accumulator(i, g)} = 0.0;`),
    )
  }
  for (var c = 0u; c < ${source.channels}u; c += ${tile.unroll}u) {
    ${loadWeights(problem, plan)}
    ${unroll(tile.unroll, (channel) => addChannel(problem, plan, normalise, channel))}
  }
  ${writeEpilogue(problem, plan, epilogue)}
}
`;
  const partials = epilogue.statistics || epilogue.normalised;
  return {
    label: `convolution ${problem.direction} subgroup ${batch}x${source.channels}x` +
      `${source.height}x${source.width} -> ${destination.channels}x${destination.height}x` +
      `${destination.width}, ${kernelSize}x${kernelSize}`,
    wgsl,
    workgroups: [groupsOf(destination.channels, LANES * tile.laneGroups), plan.tiles, batch],
    parts: partials ? batch * plan.tiles : 0,
    valuesPerPart: pixels,
  };
}
