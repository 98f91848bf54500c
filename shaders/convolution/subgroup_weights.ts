/**
 * The subgroup kernel of the weight gradient.
 *
 * Each lane owns one output channel. An invocation owns all taps of a few input channels, one
 * accumulator each, and walks down the images of its part, one output row at a time: it loads the
 * gradients of the row in the lanes of their channels, and the new rows of x spread over the lanes,
 * from where they are broadcast. Rows of x that the next output row meets again are kept.
 */

import { type Binding, declareBindings, groupsOf } from "../kernel.ts";
import { BroadcastRun, component, unroll, vectorOf, vectorType } from "./lanes.ts";
import type { WeightPlan } from "./subgroup_weights_plan.ts";
import {
  type ConvolutionGeometry,
  convolutionLabel,
  outputExtent,
  type WeightGradientFusion,
} from "./use.ts";
import type { WeightGradient } from "./variant.ts";

function gradientVector(group: number, index: number): string {
  return `d${group}_${index}`;
}

function accumulator(group: number, channel: number, tap: number): string {
  return `sum${group}_${channel}_${tap}`;
}

/** Variable of one load of row `row` of the window. */
function rowPrefix(row: number): string {
  return `row${row}_`;
}

/** Where each lane reads x, and its coefficients: fixed for the whole invocation. */
function declareOffsets(
  geometry: ConvolutionGeometry,
  plan: WeightPlan,
  normalise: boolean,
): string {
  const { inChannels, height, width } = geometry;
  const size = plan.inputVector;
  return unroll(plan.loadsPerRow, (i) => {
    const slot = `(${i * plan.tile.lanes}u + lane)`;
    const lines = [
      `let channel${i} = min(c0 + ${slot} / ${plan.slotsPerRow}u, ${inChannels - 1}u);`,
      `let offset${i} = channel${i} * ${height * width / size}u + ${slot} % ${plan.slotsPerRow}u;`,
    ];
    if (normalise) {
      lines.push(
        `let scale${i} = coefficients[channel${i}];`,
        `let shift${i} = coefficients[${inChannels}u + channel${i}];`,
      );
    }
    return lines.join("\n");
  });
}

/** Loads row `row` of the window, which is row `at` of the image, into its variables. */
function loadRow(
  geometry: ConvolutionGeometry,
  plan: WeightPlan,
  normalise: boolean,
  row: number,
  at: string,
  masked: boolean,
): string {
  const { height } = geometry;
  const type = vectorType(plan.inputVector);
  const lines = masked
    ? [
      `let inside${row} = u32(${at}) < ${height}u;`,
      `let at${row} = image + u32(clamp(${at}, 0, ${height - 1})) * ${plan.slotsPerRow}u;`,
    ]
    : [`let at${row} = image + u32(${at}) * ${plan.slotsPerRow}u;`];
  for (let i = 0; i < plan.loadsPerRow; i++) {
    let value = `x[at${row} + offset${i}]`;
    if (normalise) value = `max(${value} * scale${i} + shift${i}, ${type}())`;
    if (masked) value = `select(${type}(), ${value}, inside${row})`;
    lines.push(`${rowPrefix(row)}${i} = ${value};`);
  }
  return lines.join("\n");
}

/** Loads the gradients of the rows of one output row. */
function loadGradients(geometry: ConvolutionGeometry, plan: WeightPlan): string {
  const { outChannels } = geometry;
  const out = outputExtent(geometry);
  const size = plan.gradientVector;
  const { laneGroups } = plan.tile;
  return unroll(
    laneGroups,
    (g) =>
      `let gradient${g} = ((n * ${outChannels}u + own${g}) * ${out.height * out.width}u + ` +
      `u32(oy) * ${out.width}u) / ${size}u;\n` +
      unroll(
        out.width / size,
        (i) => `let ${gradientVector(g, i)} = dy[gradient${g} + ${i}u];`,
      ),
  );
}

/** Adds all products of one output row. */
function addProducts(geometry: ConvolutionGeometry, plan: WeightPlan): string {
  const { kernelSize, stride, padding, width } = geometry;
  const out = outputExtent(geometry);
  const { tile, inputVector, gradientVector: size, slotsPerRow } = plan;
  const rowRuns = Array.from(
    { length: kernelSize },
    (_, row) => new BroadcastRun(rowPrefix(row), inputVector, tile.lanes),
  );
  const lines: string[] = [];
  for (let c = 0; c < tile.channels; c++) {
    for (let ky = 0; ky < kernelSize; ky++) {
      for (let pixel = 0; pixel < out.width; pixel++) {
        const run = rowRuns[ky]!;
        const terms: string[] = [];
        for (let kx = 0; kx < kernelSize; kx++) {
          const column = pixel * stride + kx - padding;
          if (column < 0 || column >= width) continue;
          const value = run.at(c * slotsPerRow * inputVector + column);
          for (let g = 0; g < tile.laneGroups; g++) {
            const d = gradientVector(g, Math.floor(pixel / size));
            const target = accumulator(g, c, ky * kernelSize + kx);
            terms.push(`${target} += ${value} * ${component(d, size, pixel % size)};`);
          }
        }
        lines.push(run.declarations(), ...terms);
      }
    }
  }
  return lines.join("\n");
}

/** Writes the finished sums of the invocation's part. */
function storeSums(geometry: ConvolutionGeometry, plan: WeightPlan): string {
  const { inChannels, outChannels, kernelSize } = geometry;
  const taps = kernelSize ** 2;
  const { tile, resultVector: size } = plan;
  return unroll(tile.laneGroups, (g) => {
    const first = `((part * ${outChannels}u + k0 + ${
      g * tile.lanes
    }u + lane) * ${inChannels}u + c0) * ${taps}u`;
    const stores = unroll(tile.channels * taps / size, (v) => {
      const names = Array.from({ length: size }, (_, i) => {
        const index = v * size + i;
        return accumulator(g, Math.floor(index / taps), index % taps);
      });
      const store = `dw[first${g} / ${size}u + ${v}u] = ${vectorOf(names)};`;
      const channel = Math.floor(v * size / taps);
      return inChannels % tile.channels === 0
        ? store
        : `if (c0 + ${channel}u < ${inChannels}u) { ${store} }`;
    });
    const body = `let first${g} = ${first};\n${stores}`;
    return outChannels % (tile.lanes * tile.laneGroups) === 0
      ? body
      : `if (k0 + ${g * tile.lanes}u + lane < ${outChannels}u) {\n${body}\n}`;
  });
}

/** The kernel for `plan`. */
export function weightGradientKernel(
  geometry: ConvolutionGeometry,
  plan: WeightPlan,
  fusion: WeightGradientFusion,
): WeightGradient {
  const { normaliseInput: normalise = false } = fusion;
  const { batch, inChannels, height, width, outChannels, kernelSize, stride, padding } = geometry;
  const out = outputExtent(geometry);
  const { tile, parts } = plan;
  const convolution = {
    direction: "weightGradient",
    geometry,
    fusion,
    variant: "subgroup",
    tile: `${tile.channels} x ${tile.lanes * tile.laneGroups}`,
  } as const;
  const vectors = (name: string, elements: number, size: 1 | 2 | 4): Binding => ({
    name,
    elements: elements / size,
    type: vectorType(size),
  });
  const weights = outChannels * inChannels * kernelSize ** 2;
  const reads = [
    vectors("x", batch * inChannels * height * width, plan.inputVector),
    vectors("dy", batch * outChannels * out.height * out.width, plan.gradientVector),
    ...(normalise ? [{ name: "coefficients", elements: 2 * inChannels }] : []),
  ];
  const writes = [vectors("dw", parts * weights, plan.resultVector)];
  const kept = plan.keptRows;
  const type = vectorType(plan.inputVector);
  const taps = kernelSize ** 2;
  const wgsl = `
${declareBindings(reads, writes)}
@compute @workgroup_size(${tile.lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let c0 = group.x * ${tile.channels}u;
  let k0 = group.y * ${tile.lanes * tile.laneGroups}u;
  let part = group.z;
  ${
    unroll(tile.laneGroups, (g) =>
      `let own${g} = min(k0 + ${g * tile.lanes}u + lane, ${outChannels - 1}u);`)
  }
  ${declareOffsets(geometry, plan, normalise)}
  ${
    unroll(tile.laneGroups, (g) =>
      unroll(tile.channels, (c) => unroll(taps, (t) => `var ${accumulator(g, c, t)} = 0.0;`)))
  }
  ${
    unroll(kernelSize, (row) =>
      unroll(plan.loadsPerRow, (i) => `var ${rowPrefix(row)}${i} = ${type}();`))
  }
  let end = min((part + 1u) * ${plan.imagesPerPart}u, ${batch}u);
  for (var n = part * ${plan.imagesPerPart}u; n < end; n++) {
    let image = n * ${inChannels * height * width / plan.inputVector}u;
    {
      ${
    unroll(kept, (row) =>
      row < padding || row - padding >= height
        ? unroll(plan.loadsPerRow, (i) =>
          `${rowPrefix(row)}${i} = ${type}();`)
        : loadRow(geometry, plan, normalise, row, `${row - padding}`, false))
  }
    }
    for (var oy = 0; oy < ${out.height}; oy++) {
      let top = oy * ${stride} - ${padding};
      ${
    unroll(kernelSize - kept, (i) => {
      const row = kept + i;
      const last = (out.height - 1) * stride + row - padding;
      const masked = row < padding || last >= height;
      return loadRow(geometry, plan, normalise, row, `(top + ${row})`, masked);
    })
  }
      ${loadGradients(geometry, plan)}
      ${addProducts(geometry, plan)}
      ${
    unroll(kept, (row) =>
      unroll(plan.loadsPerRow, (i) =>
        `${rowPrefix(row)}${i} = ${rowPrefix(row + stride)}${i};`))
  }
    }
  }
  ${storeSums(geometry, plan)}
}
`;
  return {
    kernel: {
      label: convolutionLabel(convolution),
      convolution,
      wgsl,
      subgroups: true,
      workgroups: [
        groupsOf(inChannels, tile.channels),
        groupsOf(outChannels, tile.lanes * tile.laneGroups),
        parts,
      ],
    },
    parts,
  };
}
