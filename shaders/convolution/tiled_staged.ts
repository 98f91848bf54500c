/**
 * The forward convolution and the input gradient as tiled matrix products, for the shapes that networks
 * mostly have: rows of a multiple of 4 pixels, and a multiple of 16 channels to sum over.
 *
 * Then the sum can run tap by tap, 16 channels at a time: where a thread's 4 pixels meet the source is
 * worked out once for 16 channels, loads have no branches, the next chunk is fetched while this one is
 * multiplied, and results are stored as vectors. `tiled_images.ts` does every other shape.
 */

import { type Binding, declareBindings, groupsOf } from "../kernel.ts";
import { unroll } from "./lanes.ts";
import { columnGroups, STATISTICS, tiledFacts } from "./tiled_images.ts";
import { CHUNK, columnReduction, TILE_N, tileRows } from "./tiled_matrix.ts";
import {
  type ConvolutionGeometry,
  type ConvolutionUse,
  type ForwardFusion,
  type InputGradientFusion,
  outputExtent,
} from "./use.ts";
import type { ImageKernel } from "./variant.ts";

const QUADS = TILE_N / 4;

/** One of the two directions. */
interface StagedProduct {
  readonly use: ConvolutionUse;
  /** Channels, height and width of the result. */
  readonly result: { readonly channels: number; readonly height: number; readonly width: number };
  /** The same of what is summed over, and the name of its binding. */
  readonly source: {
    readonly name: string;
    readonly channels: number;
    readonly height: number;
    readonly width: number;
  };
  readonly reads: readonly Binding[];
  /** WGSL: the weight of result channel `m` and source channel `s`, at `tap`. */
  weight(m: string, s: string): string;
  /** WGSL: `row` and `column` of the first pixel at `tap`, and for each of 4 whether it is inside. */
  readonly position: string;
  /** WGSL: index in the source's plane of pixel `i`. */
  at(i: number): string;
  /** Reads the source as relu(scale x + shift). */
  readonly normalise: boolean;
  /** WGSL that changes `sum0` to `sum3`; `to` is the index of the first row's vector. */
  readonly change: string;
  /** WGSL that sets `first` and `second`, over the tile; "" where unwanted. */
  readonly partials: string;
}

/** The kernel; undefined for shapes that it is not for. */
function stagedKernel(product: StagedProduct): ImageKernel | undefined {
  const { use, result, source, normalise } = product;
  const { batch, kernelSize } = use.geometry;
  const pixels = result.height * result.width;
  const plane = source.height * source.width;
  const columns = batch * pixels;
  const reduces = product.partials !== "";
  if (result.width % 4 !== 0 || source.channels % CHUNK !== 0) return undefined;
  if (reduces && columns % TILE_N !== 0) return undefined;
  const { channels } = result;
  const rows = tileRows(channels);
  const threads = rows / 4 * QUADS;
  const steps = threads / QUADS;
  const rounds = CHUNK / steps;
  const perTap = source.channels / CHUNK;
  const chunks = kernelSize ** 2 * perTap;
  const { groups, across, down, tile, guard } = columnGroups(columns);
  const writes: Binding[] = [{ name: "result", elements: columns * channels / 4, type: "vec4f" }];
  if (reduces) writes.push({ name: "partials", elements: groups * channels * 2 });
  const ragged = channels % rows !== 0;
  const each = (text: (i: number) => string) => [0, 1, 2, 3].map(text).join(", ");

  const fetch = (chunk: string) =>
    `{
    let tap = ${chunk} / ${perTap}u;
    let s0 = ${chunk} % ${perTap}u * ${CHUNK}u;
    ${product.position}
    let base = image + (s0 + step) * ${plane}u;
    ${unroll(4, (i) => `let at${i} = select(0u, base + u32(${product.at(i)}), inside${i});`)}
    let inside = vec4<bool>(${each((i) => `inside${i}`)});
    ${
      unroll(rounds, (round) => {
        const offset = round * steps * plane;
        const value = `vec4f(${
          each((i) =>
            `${source.name}[at${i}${offset === 0 ? "" : ` + select(0u, ${offset}u, inside${i})`}]`
          )
        })`;
        const s = `s0 + step + ${round * steps}u`;
        return normalise
          ? `nextB${round} = select(vec4f(), max(${value} * coefficients[${s}] + ` +
            `coefficients[${source.channels}u + ${s}], vec4f()), inside);`
          : `nextB${round} = select(vec4f(), ${value}, inside);`;
      })
    }
    let s = s0 + index % ${CHUNK}u;
    nextA = vec4f(${
      each((j) => {
        const m = `tileM + index / ${CHUNK}u * 4u + ${j}u`;
        return product.weight(ragged ? `min(${m}, ${channels - 1}u)` : `(${m})`, "s");
      })
    });
  }`;
  const live = columns % TILE_N === 0 ? "true" : `n < ${columns}u`;
  const store = (j: number) => {
    const line = `result[to + ${j * pixels / 4}u] = sum${j};`;
    const conditions = [
      ...ragged ? [`m + ${j}u < ${channels}u`] : [],
      ...live === "true" ? [] : ["live"],
    ];
    return conditions.length > 0 ? `if (${conditions.join(" && ")}) { ${line} }` : line;
  };
  const wgsl = /* wgsl */ `
${declareBindings(product.reads, writes)}
var<workgroup> chunkA: array<vec4f, ${CHUNK * rows / 4}>;
var<workgroup> chunkB: array<vec4f, ${CHUNK * QUADS}>;
${reduces ? columnReduction(threads) : ""}
@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let columnTile = ${tile};
  ${guard}
  let tileM = group.y * ${rows}u;
  let inM = index / ${QUADS}u;
  let inN = index % ${QUADS}u;
  let step = inM;
  let n = columnTile * ${TILE_N}u + inN * 4u;
  let live = ${live};
  let pixel = n % ${pixels}u;
  let image = n / ${pixels}u * ${source.channels * plane}u;
  let y = i32(pixel / ${result.width}u);
  let x0 = i32(pixel % ${result.width}u);
  var nextA = vec4f();
  ${unroll(rounds, (round) => `var nextB${round} = vec4f();`)}
  ${unroll(4, (j) => `var sum${j} = vec4f();`)}
  ${fetch("0u")}
  for (var chunk = 0u; chunk < ${chunks}u; chunk++) {
    chunkA[index % ${CHUNK}u * ${rows / 4}u + index / ${CHUNK}u] = nextA;
    ${unroll(rounds, (round) => `chunkB[index + ${round * threads}u] = nextB${round};`)}
    workgroupBarrier();
    let following = min(chunk + 1u, ${chunks - 1}u);
    ${fetch("following")}
    ${
    unroll(CHUNK, (i) =>
      `{
      let a = chunkA[${i * rows / 4}u + inM];
      let b = chunkB[${i * QUADS}u + inN];
      sum0 += a.x * b;
      sum1 += a.y * b;
      sum2 += a.z * b;
      sum3 += a.w * b;
    }`)
  }
    workgroupBarrier();
  }
  let m = tileM + inM * 4u;
  let to = ((n / ${pixels}u * ${channels}u + m) * ${pixels}u + pixel) / 4u;
  ${product.change}
  ${unroll(4, store)}
  ${
    reduces
      ? `${product.partials}
  if (inN == 0u) {
    let part = (columnTile * ${channels}u + m) * 2u;
    ${
        unroll(4, (j) =>
          `if (m + ${j}u < ${channels}u) {
      partials[part + ${2 * j}u] = first.${"xyzw"[j]};
      partials[part + ${2 * j + 1}u] = second.${"xyzw"[j]};
    }`)
      }
  }`
      : ""
  }
}
`;
  return {
    ...tiledFacts(use, channels, "staged"),
    wgsl,
    workgroups: [across, groupsOf(channels, rows), down],
    parts: reduces ? groups : 0,
    valuesPerPart: TILE_N,
  };
}

/** WGSL: adds the vectors of `name`, shaped like the result, to the sums. */
const addition = (name: string, pixels: number) =>
  unroll(4, (j) => `sum${j} += ${name}[to + ${j * pixels / 4}u];`);

/** y (N,K,OH,OW) of x and w. */
export function stagedForward(
  geometry: ConvolutionGeometry,
  fusion: ForwardFusion,
): ImageKernel | undefined {
  const { normaliseInput = false, addResidual = false, statistics = false } = fusion;
  const { batch, inChannels, height, width, outChannels, kernelSize, stride, padding } = geometry;
  const out = outputExtent(geometry);
  const pixels = out.height * out.width;
  const taps = kernelSize ** 2;
  return stagedKernel({
    use: { direction: "forward", geometry, fusion },
    result: { channels: outChannels, ...out },
    source: { name: "x", channels: inChannels, height, width },
    reads: [
      { name: "x", elements: batch * inChannels * height * width },
      { name: "w", elements: outChannels * inChannels * taps },
      ...normaliseInput ? [{ name: "coefficients", elements: 2 * inChannels }] : [],
      ...addResidual
        ? [{ name: "residual", elements: batch * outChannels * pixels / 4, type: "vec4f" }]
        : [],
    ],
    weight: (m, s) => `w[(${m} * ${inChannels}u + ${s}) * ${taps}u + tap]`,
    position: `let row = y * ${stride} + i32(tap / ${kernelSize}u) - ${padding};
    let column = x0 * ${stride} + i32(tap % ${kernelSize}u) - ${padding};
    let rowInside = live && u32(row) < ${height}u;
    ${unroll(4, (i) => `let inside${i} = rowInside && u32(column + ${i * stride}) < ${width}u;`)}`,
    at: (i) => `row * ${width} + column + ${i * stride}`,
    normalise: normaliseInput,
    change: addResidual ? addition("residual", pixels) : "",
    partials: statistics ? STATISTICS : "",
  });
}

/** dx (N,C,H,W) of dy and w. */
export function stagedInputGradient(
  geometry: ConvolutionGeometry,
  fusion: InputGradientFusion,
): ImageKernel | undefined {
  const { addAddend = false, normalised = false } = fusion;
  const { batch, inChannels, height, width, outChannels, kernelSize, stride, padding } = geometry;
  const out = outputExtent(geometry);
  const pixels = height * width;
  const taps = kernelSize ** 2;
  const vectors = batch * inChannels * pixels / 4;
  const met = (position: string, extent: number) =>
    stride === 1
      ? `u32(${position}) < ${extent}u`
      : `${position} >= 0 && ${position} % ${stride} == 0 && ${position} / ${stride} < ${extent}`;
  const mask = unroll(4, (j) => {
    const c = `min(m + ${j}u, ${inChannels - 1}u)`;
    return `let input${j} = x[min(to + ${j * pixels / 4}u, ${vectors - 1}u)];
  sum${j} = select(vec4f(), sum${j}, input${j} * coefficients[${c}] + ` +
      `coefficients[${inChannels}u + ${c}] > vec4f());
  let centred${j} = input${j} - coefficients[${2 * inChannels}u + ${c}];`;
  });
  const dots = (factor: (j: number) => string) =>
    [0, 1, 2, 3].map((j) => `dot(sum${j}, ${factor(j)})`).join(", ");
  return stagedKernel({
    use: { direction: "inputGradient", geometry, fusion },
    result: { channels: inChannels, height, width },
    source: { name: "dy", channels: outChannels, ...out },
    reads: [
      { name: "dy", elements: batch * outChannels * out.height * out.width },
      { name: "w", elements: outChannels * inChannels * taps },
      ...addAddend ? [{ name: "addend", elements: vectors, type: "vec4f" }] : [],
      ...normalised
        ? [{ name: "x", elements: vectors, type: "vec4f" }, {
          name: "coefficients",
          elements: 3 * inChannels,
        }]
        : [],
    ],
    weight: (m, s) => `w[(${s} * ${inChannels}u + ${m}) * ${taps}u + tap]`,
    position: `let row = y + ${padding} - i32(tap / ${kernelSize}u);
    let column = x0 + ${padding} - i32(tap % ${kernelSize}u);
    let rowInside = live && ${met("row", out.height)};
    ${
      unroll(4, (i) =>
        `let column${i} = column + ${i};
    let inside${i} = rowInside && ${met(`column${i}`, out.width)};`)
    }`,
    at: (i) => `row / ${stride} * ${out.width} + column${i} / ${stride}`,
    normalise: false,
    change: [
      ...addAddend ? [addition("addend", pixels)] : [],
      ...normalised ? [mask] : [],
    ].join("\n"),
    partials: normalised
      ? `let first = sumOverColumns(index, vec4f(${dots(() => "vec4f(1.0)")}));
  let second = sumOverColumns(index, vec4f(${dots((j) => `centred${j}`)}));`
      : "",
  });
}
