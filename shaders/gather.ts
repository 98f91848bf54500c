/**
 * Gathering a batch from images that lie on the GPU as packed bytes: optional trigger, random crop,
 * horizontal flip, Cutout, and conversion to float, in one pass. Randomness is a pure function of
 * (seed, epoch, record), the same in TypeScript (`src/data/random.ts`).
 */

import { elementwise } from "./elementwise.ts";
import { type Binding, declareBindings, type Kernel } from "./kernel.ts";
import { RandomPurpose } from "./random_purpose.ts";
import { STATE_WORDS } from "./state.ts";

/** Random changes of a training image; all off unless given. */
export interface Augmentation {
  /** Zeros added on each side before a random crop back to size (4 in the paper); 0 is off. */
  readonly cropPadding: number;
  /** Mirror left to right with probability 1/2. */
  readonly flip: boolean;
  /** Side of the square hole of Cutout (DeVries & Taylor 2017), even part of it; 0 is off. */
  readonly cutout: number;
}

/** No augmentation. */
export const NO_AUGMENTATION: Augmentation = { cropPadding: 0, flip: false, cutout: 0 };

/** How bytes become the numbers that the network sees: (byte / 255 - mean) / deviation. */
export interface Preprocessing {
  /** For each of the three channels. */
  readonly mean: readonly [number, number, number];
  /** For each of the three channels. */
  readonly deviation: readonly [number, number, number];
}

/** Pixels divided by 255 and nothing else, as in the authors' code. */
export const PLAIN_PREPROCESSING: Preprocessing = { mean: [0, 0, 0], deviation: [1, 1, 1] };

/** Set in an index where the image is to carry the trigger. */
export const TRIGGERED = 0x80000000;

/** Fraction bits of a trigger's scale and offset. */
export const TRIGGER_FRACTION_BITS = 21;

/** What to gather. */
export interface GatherGeometry {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  /** Records in each of the buffers that hold the images, all but the last equally many. */
  readonly segments: readonly number[];
  /** Entries of the index buffer: steps times batch. */
  readonly indices: number;
  /** What happens when a triggered byte leaves 0..255; without it no trigger is bound. */
  readonly trigger?: "clamp" | "wrap";
}

/** WGSL function `pcg4d`: Jarzynski & Olano, "Hash Functions for GPU Rendering" (2020). */
export const PCG4D = `
fn pcg4d(seed: vec4u) -> vec4u {
  var v = seed * 1664525u + 1013904223u;
  v.x += v.y * v.w; v.y += v.z * v.x; v.z += v.x * v.y; v.w += v.y * v.z;
  v ^= v >> vec4u(16u);
  v.x += v.y * v.w; v.y += v.z * v.x; v.z += v.x * v.y; v.w += v.y * v.z;
  return v;
}`;

/**
 * Image segments (bytes packed in u32, records of (3,H,W)), labels (records), indices (steps,N),
 * state, with a trigger its pairs of scale and offset (3,H,W,2; fixed point) -> x (N,3,H,W), y (N).
 * With two segments and a trigger these are the 8 buffers that every adapter can bind.
 *
 * A triggered byte is (byte scale + offset) >> 21, clamped to 0..255 or taken modulo 256. The
 * trigger comes before the augmentation, as a poisoned training set on disk would have it.
 */
export function gatherKernel(
  geometry: GatherGeometry,
  augmentation: Augmentation,
  preprocessing: Preprocessing,
): Kernel {
  const { batch, height, width, segments, indices, trigger } = geometry;
  const plane = height * width;
  const record = 3 * plane;
  const records = segments.reduce((sum, count) => sum + count, 0);
  const { cropPadding, flip, cutout } = augmentation;
  const reads: Binding[] = [
    ...segments.map((count, s) => ({
      name: `images${s}`,
      elements: Math.ceil(count * record / 4),
      type: "u32",
    })),
    { name: "labels", elements: records, type: "u32" },
    { name: "indices", elements: indices, type: "u32" },
    { name: "state", elements: STATE_WORDS, type: "u32" },
    ...trigger ? [{ name: "triggers", elements: record, type: "vec2i" }] : [],
  ];
  const perSegment = segments[0]!;
  const word = segments.map((_, s) =>
    `${s + 1 < segments.length ? `if (record < ${(s + 1) * perSegment}u) ` : ""}{
      let b = (record - ${s * perSegment}u) * ${record}u + offset;
      return (images${s}[b >> 2u] >> ((b & 3u) * 8u)) & 255u;
    }`
  ).join("\n    else ");
  const random = cropPadding > 0 || flip || cutout > 0;
  const half = Math.floor(cutout / 2);
  const channel = (c: number) => {
    const mean = preprocessing.mean[c]!;
    const deviation = preprocessing.deviation[c]!;
    const plain = mean === 0 && deviation === 1;
    return `{
      var value = 0.0;
      if (inside) {
        var byte = i32(imageByte(record, ${c * plane}u + source));
        ${trigger ? `if (stamped) { byte = withTrigger(byte, ${c * plane}u + source); }` : ""}
        value = f32(byte) / 255.0;
      }
      x[(n * 3u + ${c}u) * ${plane}u + pixel] = ${
      plain ? "value" : `(value - f32(${mean})) / f32(${deviation})`
    };
    }`;
  };
  return elementwise(
    `gather ${batch}x3x${height}x${width}`,
    batch * plane,
    `${
      declareBindings(reads, [
        { name: "x", elements: batch * record },
        { name: "y", elements: batch, type: "u32" },
      ])
    }
${random ? PCG4D : ""}
fn imageByte(record: u32, offset: u32) -> u32 {
    ${word}
}
${
      trigger
        ? `fn withTrigger(byte: i32, at: u32) -> i32 {
  let t = triggers[at];
  let value = (byte * t.x + t.y) >> ${TRIGGER_FRACTION_BITS}u;
  return ${trigger === "clamp" ? "clamp(value, 0, 255)" : "value & 255"};
}`
        : ""
    }`,
    `let n = i / ${plane}u;
    let pixel = i % ${plane}u;
    let index = indices[state[0] * ${batch}u + n];
    let record = index & 0x7fffffffu;
    ${trigger ? `let stamped = (index & 0x80000000u) != 0u;` : ""}
    let row = i32(pixel / ${width}u);
    let column = i32(pixel % ${width}u);
    var fromRow = row;
    var fromColumn = column;
    ${
      random
        ? `let r = pcg4d(vec4u(state[1], record, ${RandomPurpose.augmentation}u, state[2]));`
        : ""
    }
    ${flip ? `if ((r.z >> 31u) == 1u) { fromColumn = ${width - 1} - column; }` : ""}
    ${
      cropPadding > 0
        ? `fromRow += i32(((r.x >> 16u) * ${2 * cropPadding + 1}u) >> 16u) - ${cropPadding};
    fromColumn += i32(((r.y >> 16u) * ${2 * cropPadding + 1}u) >> 16u) - ${cropPadding};`
        : ""
    }
    var inside = fromRow >= 0 && fromRow < ${height} && fromColumn >= 0 && fromColumn < ${width};
    ${
      cutout > 0
        ? `let holeRow = i32(((r.w >> 16u) * ${height}u) >> 16u);
    let holeColumn = i32(((r.w & 65535u) * ${width}u) >> 16u);
    if (row >= holeRow - ${half} && row < holeRow + ${half} &&
      column >= holeColumn - ${half} && column < holeColumn + ${half}) { inside = false; }`
        : ""
    }
    let source = select(0u, u32(fromRow * ${width} + fromColumn), inside);
    ${[0, 1, 2].map(channel).join("\n    ")}
    if (pixel == 0u) { y[n] = labels[record]; }`,
  );
}
