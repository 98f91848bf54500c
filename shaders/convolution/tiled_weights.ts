/**
 * The weight gradient as a tiled matrix product: rows are output channels, columns input channels and
 * taps, and the sum runs over the pixels of all images.
 *
 * The sum is split into parts of a few runs of 16 pixels each, of one image at a time, so that there
 * are about as many workgroups as a large GPU wants. What a column's channel and tap are is worked out
 * once, and loads have no branches: pixels outside the image are read somewhere else and masked.
 */

import { declareBindings, groupsOf } from "../kernel.ts";
import { unroll } from "./lanes.ts";
import { CHUNK, TILE_N, tileRows } from "./tiled_matrix.ts";
import { tiledFacts } from "./tiled_images.ts";
import { type ConvolutionGeometry, outputExtent, type WeightGradientFusion } from "./use.ts";
import type { WeightGradient } from "./variant.ts";

/** Workgroups that occupy a GPU; more parts only cost memory and a longer final sum. */
const WORKGROUPS = 1024;

/** dw (parts,K,C,R,R) of x and dy. */
export function tiledWeightGradient(
  geometry: ConvolutionGeometry,
  fusion: WeightGradientFusion,
): WeightGradient {
  const { normaliseInput = false } = fusion;
  const { batch, inChannels, height, width, outChannels, kernelSize, stride, padding } = geometry;
  const out = outputExtent(geometry);
  const pixels = out.height * out.width;
  const taps = kernelSize ** 2;
  const plane = height * width;
  const columns = inChannels * taps;
  const rows = tileRows(outChannels);
  const quads = TILE_N / 4;
  const threads = rows / 4 * quads;
  const groups = [groupsOf(columns, TILE_N), groupsOf(outChannels, rows)] as const;
  // Runs of 16 pixels never cross from one image to the next.
  const runsPerImage = groupsOf(pixels, CHUNK);
  const runs = batch * runsPerImage;
  const wanted = Math.min(runs, groupsOf(WORKGROUPS, groups[0] * groups[1]));
  const runsPerPart = groupsOf(runs, wanted);
  const parts = groupsOf(runs, runsPerPart);

  // Of a run each thread stages one pixel, `lane`: of 4 rows of dy, and of 4 columns in each round.
  const acrossStep = threads / CHUNK;
  const rounds = quads / acrossStep;
  const strideA = rows / 4 + 1;
  const strideB = quads + 1;
  const eachColumn = (line: (name: string, round: number, i: number) => string) =>
    unroll(rounds, (round) => unroll(4, (i) => line(`${round}_${i}`, round, i)));
  const reads = [
    { name: "x", elements: batch * inChannels * plane },
    { name: "dy", elements: batch * outChannels * pixels },
    ...normaliseInput ? [{ name: "coefficients", elements: 2 * inChannels }] : [],
  ];
  const ragged = pixels % CHUNK !== 0;
  const rowOffset = (j: number) =>
    outChannels % rows === 0
      ? `${j * pixels}u`
      : `(min(m0 + ${j}u, ${outChannels - 1}u) - mFirst) * ${pixels}u`;
  const wgsl = /* wgsl */ `
${declareBindings(reads, [{ name: "dw", elements: parts * outChannels * columns }])}
var<workgroup> chunkA: array<vec4f, ${CHUNK * strideA}>;
var<workgroup> chunkB: array<vec4f, ${CHUNK * strideB}>;
@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let tileM = group.y * ${rows}u;
  let tileN = group.x * ${TILE_N}u;
  let inM = index / ${quads}u;
  let inN = index % ${quads}u;
  let lane = index % ${CHUNK}u;
  let across = index / ${CHUNK}u;
  let m0 = tileM + across * 4u;
  let mFirst = min(m0, ${outChannels - 1}u);
  ${
    eachColumn((v, round, i) => `
  let column${v} = min(tileN + (across + ${round * acrossStep}u) * 4u + ${i}u, ${columns - 1}u);
  let channel${v} = column${v} / ${taps}u;
  let down${v} = i32(column${v} % ${taps}u / ${kernelSize}u) - ${padding};
  let right${v} = i32(column${v} % ${kernelSize}u) - ${padding};
  let plane${v} = channel${v} * ${plane}u;
  ${
      normaliseInput
        ? `let scale${v} = coefficients[channel${v}];
  let shift${v} = coefficients[${inChannels}u + channel${v}];`
        : ""
    }`)
  }
  let begin = group.z * ${runsPerPart}u;
  let end = min(begin + ${runsPerPart}u, ${runs}u);
  ${unroll(4, (j) => `var sum${j} = vec4f();`)}
  for (var run = begin; run < end; run++) {
    let image = run / ${runsPerImage}u;
    ${
    ragged
      ? `let place = run % ${runsPerImage}u * ${CHUNK}u + lane;
    let pixel = min(place, ${pixels - 1}u);`
      : `let pixel = run % ${runsPerImage}u * ${CHUNK}u + lane;`
  }
    let top = i32(pixel / ${out.width}u * ${stride}u);
    let left = i32(pixel % ${out.width}u * ${stride}u);
    let first = (image * ${outChannels}u + mFirst) * ${pixels}u + pixel;
    let gradients = vec4f(${[0, 1, 2, 3].map((j) => `dy[first + ${rowOffset(j)}]`).join(", ")});
    ${
    eachColumn((v) =>
      `let row${v} = top + down${v};
    let at${v} = left + right${v};
    let inside${v} = u32(row${v}) < ${height}u && u32(at${v}) < ${width}u;
    let value${v} = x[select(0u, image * ${
        inChannels * plane
      }u + plane${v} + u32(row${v} * ${width} + at${v}), inside${v})];`
    )
  }
    chunkA[lane * ${strideA}u + across] = ${
    ragged ? `select(vec4f(), gradients, place < ${pixels}u)` : "gradients"
  };
    ${
    unroll(rounds, (round) =>
      `chunkB[lane * ${strideB}u + across + ${round * acrossStep}u] = vec4f(${
        [0, 1, 2, 3].map((i) => {
          const v = `${round}_${i}`;
          const value = normaliseInput
            ? `max(value${v} * scale${v} + shift${v}, 0.0)`
            : `value${v}`;
          return `select(0.0, ${value}, inside${v})`;
        }).join(", ")
      });`)
  }
    workgroupBarrier();
    ${
    unroll(CHUNK, (step) =>
      `{
      let a = chunkA[${step * strideA}u + inM];
      let b = chunkB[${step * strideB}u + inN];
      sum0 += a.x * b;
      sum1 += a.y * b;
      sum2 += a.z * b;
      sum3 += a.w * b;
    }`)
  }
    workgroupBarrier();
  }
  let m = tileM + inM * 4u;
  let n = tileN + inN * 4u;
  ${
    unroll(4, (j) =>
      unroll(4, (i) =>
        `if (m + ${j}u < ${outChannels}u && n + ${i}u < ${columns}u) {
    dw[(group.z * ${outChannels}u + m + ${j}u) * ${columns}u + n + ${i}u] = sum${j}.${"xyzw"[i]};
  }`))
  }
}
`;
  const kernel = {
    ...tiledFacts({ direction: "weightGradient", geometry, fusion }, outChannels),
    wgsl,
    workgroups: [...groups, parts] as const,
  };
  return { kernel, parts };
}
