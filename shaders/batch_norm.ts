/**
 * Batch normalisation over N, H and W, optionally followed by ReLU, and its gradient: Ioffe &
 * Szegedy, "Batch Normalization" (2015), with PyTorch's conventions for the running statistics.
 *
 * A batch norm is reduced to four numbers a channel, its `coefficients` (4,C): scale, shift, mean,
 * inverse standard deviation, with y = scale x + shift. Statistics are merged from (mean, M2) of
 * parts by Chan, Golub & LeVeque (1983), so that large means cost no precision.
 */

import {
  elementsOfPart,
  type FeatureMaps,
  planeMain,
  planeVector,
  planeWorkgroups,
  sweepMain,
  sweepParts,
  sweepWorkgroups,
} from "./channel_sweep.ts";
import { declareBindings, type Kernel } from "./kernel.ts";
import { SUM_INVOCATIONS, WORKGROUP_TOTAL } from "./reduction.ts";

/** The two numbers that every batch norm of a network may have of its own. */
export interface BatchNormConstants {
  /** Added to the variance under the root. */
  readonly epsilon: number;
  /** Share of the new batch in the running statistics, as in PyTorch; ONNX counts the old share. */
  readonly momentum: number;
}

/** PyTorch's defaults. */
export const BATCH_NORM_DEFAULTS: BatchNormConstants = { epsilon: 1e-5, momentum: 0.1 };

const shapeText = ({ n, c, h, w }: FeatureMaps) => `(${n},${c},${h},${w})`;
const elements = ({ n, c, h, w }: FeatureMaps) => n * c * h * w;

/** x -> (parts, C, 2): mean and sum of squared deviations of each part of each channel. */
export function batchStatisticsKernel(maps: FeatureMaps): Kernel {
  const { parts } = sweepParts(maps);
  return {
    label: `batch statistics ${shapeText(maps)}`,
    workgroups: sweepWorkgroups(maps),
    wgsl: `${
      declareBindings([{ name: "x", elements: elements(maps) }], [
        { name: "statistics", elements: parts * maps.c, type: "vec2f" },
      ])
    }
${elementsOfPart(maps)}
${
      sweepMain(maps, {
        before: `
  // Sums of deviations from one element of the part, which is near its mean.
  let pivot = x[(group.x * ${maps.c}u + channel) * ${maps.h * maps.w}u + lane];
  var sum = 0.0;
  var squares = 0.0;`,
        body: "let d = x[i] - pivot; sum += d; squares += d * d;",
        after: `
  let count = elementsOfPart(part);
  statistics[part * ${maps.c}u + channel] =
    vec2f(pivot + sum / count, max(0.0, squares - sum * sum / count));`,
      })
    }`,
  };
}

/** How the parts of a channel's statistics were counted. */
export interface StatisticsParts {
  readonly parts: number;
  /** WGSL function `elementsOfPart(part: u32) -> f32`. */
  readonly countFunction: string;
}

/** Parts that all hold the same number of values of a channel, as convolutions write them. */
export function equalStatisticsParts(
  from: { parts: number; valuesPerPart: number },
): StatisticsParts {
  return {
    parts: from.parts,
    countFunction: `fn elementsOfPart(part: u32) -> f32 { return ${from.valuesPerPart}.0; }`,
  };
}

/** The parts that {@linkcode batchStatisticsKernel} writes. */
export function sweepStatisticsParts(maps: FeatureMaps): StatisticsParts {
  return { parts: sweepParts(maps).parts, countFunction: elementsOfPart(maps) };
}

/**
 * statistics (parts,C,2), gamma (C), beta (C) -> coefficients (4,C), running mean (C), running
 * variance (C). The latter two are updated in place, the variance with its unbiased estimate.
 */
export function trainingCoefficientsKernel(
  maps: FeatureMaps,
  from: StatisticsParts,
  { epsilon, momentum }: BatchNormConstants = BATCH_NORM_DEFAULTS,
): Kernel {
  const { c } = maps;
  const count = maps.n * maps.h * maps.w;
  return {
    label: `batch norm coefficients ${shapeText(maps)}`,
    workgroups: [c, 1, 1],
    wgsl: `${
      declareBindings([
        { name: "statistics", elements: from.parts * c, type: "vec2f" },
        { name: "gamma", elements: c },
        { name: "beta", elements: c },
      ], [
        { name: "coefficients", elements: 4 * c },
        { name: "runningMean", elements: c },
        { name: "runningVariance", elements: c },
      ])
    }
${from.countFunction}
${WORKGROUP_TOTAL}
@compute @workgroup_size(${SUM_INVOCATIONS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let channel = group.x;
  var sum = 0.0;
  for (var part = lane; part < ${from.parts}u; part += ${SUM_INVOCATIONS}u) {
    sum += elementsOfPart(part) * statistics[part * ${c}u + channel].x;
  }
  let mean = workgroupTotal(lane, sum) / ${count}.0;
  var squares = 0.0;
  for (var part = lane; part < ${from.parts}u; part += ${SUM_INVOCATIONS}u) {
    let s = statistics[part * ${c}u + channel];
    let d = s.x - mean;
    squares += s.y + elementsOfPart(part) * d * d;
  }
  let m2 = workgroupTotal(lane, squares);
  if (lane == 0u) {
    let inverseDeviation = 1.0 / sqrt(m2 / ${count}.0 + ${epsilon});
    let scale = gamma[channel] * inverseDeviation;
    coefficients[channel] = scale;
    coefficients[${c}u + channel] = beta[channel] - mean * scale;
    coefficients[${2 * c}u + channel] = mean;
    coefficients[${3 * c}u + channel] = inverseDeviation;
    runningMean[channel] += ${momentum} * (mean - runningMean[channel]);
    runningVariance[channel] +=
      ${momentum} * (m2 / ${Math.max(1, count - 1)}.0 - runningVariance[channel]);
  }
}`,
  };
}

/** gamma, beta, running mean, running variance (C) -> coefficients (4,C). */
export function evaluationCoefficientsKernel(
  channels: number,
  { epsilon }: Pick<BatchNormConstants, "epsilon"> = BATCH_NORM_DEFAULTS,
): Kernel {
  const c = channels;
  return {
    label: `batch norm coefficients ${c}`,
    workgroups: [Math.ceil(c / SUM_INVOCATIONS), 1, 1],
    wgsl: `${
      declareBindings(
        ["gamma", "beta", "runningMean", "runningVariance"].map((name) => ({ name, elements: c })),
        [{ name: "coefficients", elements: 4 * c }],
      )
    }
@compute @workgroup_size(${SUM_INVOCATIONS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x;
  if (channel < ${c}u) {
    let inverseDeviation = 1.0 / sqrt(runningVariance[channel] + ${epsilon});
    let scale = gamma[channel] * inverseDeviation;
    coefficients[channel] = scale;
    coefficients[${c}u + channel] = beta[channel] - runningMean[channel] * scale;
    coefficients[${2 * c}u + channel] = runningMean[channel];
    coefficients[${3 * c}u + channel] = inverseDeviation;
  }
}`,
  };
}

/** x, coefficients (4,C) -> y = scale x + shift, or its positive part. */
export function normalizeKernel(maps: FeatureMaps, relu: boolean): Kernel {
  const { width, type } = planeVector(maps);
  const count = elements(maps) / width;
  const value = "scale * x[i] + shift";
  return {
    label: `batch norm${relu ? " + relu" : ""} ${shapeText(maps)}`,
    workgroups: planeWorkgroups(maps),
    wgsl: `${
      declareBindings([
        { name: "x", elements: count, type },
        { name: "coefficients", elements: 4 * maps.c },
      ], [{ name: "y", elements: count, type }])
    }
${
      planeMain(maps, {
        before: `
  let scale = coefficients[channel];
  let shift = coefficients[${maps.c}u + channel];`,
        body: `y[i] = ${relu ? `max(${value}, ${type}(0.0))` : value};`,
      })
    }`,
  };
}

/**
 * x, coefficients (4,C), beta (C) -> y = scale (x - mean) + beta. The same numbers as
 * {@linkcode normalizeKernel} with less rounding where a channel's mean is far larger than its
 * deviation, for networks whose convolutions do not normalise as they read.
 */
export function centeredNormalizeKernel(maps: FeatureMaps): Kernel {
  const { width, type } = planeVector(maps);
  const count = elements(maps) / width;
  return {
    label: `centered batch norm ${shapeText(maps)}`,
    workgroups: planeWorkgroups(maps),
    wgsl: `${
      declareBindings([
        { name: "x", elements: count, type },
        { name: "coefficients", elements: 4 * maps.c },
        { name: "beta", elements: maps.c },
      ], [{ name: "y", elements: count, type }])
    }
${
      planeMain(maps, {
        before: `
  let scale = coefficients[channel];
  let mean = coefficients[${2 * maps.c}u + channel];
  let level = beta[channel];`,
        body: "y[i] = scale * (x[i] - mean) + level;",
      })
    }`,
  };
}

/** WGSL for dz, the gradient of scale x + shift, given that of y. */
const throughRelu = (relu: boolean, type: "f32" | "vec4f") =>
  relu ? `select(${type}(0.0), dy[i], scale * value + shift > ${type}(0.0))` : "dy[i]";

/** x, dy, coefficients (4,C) -> (parts, C, 2): sums of dz and of dz (x - mean) of each part. */
export function normalizeSumsKernel(maps: FeatureMaps, relu: boolean): Kernel {
  return {
    label: `batch norm gradient sums ${shapeText(maps)}`,
    workgroups: sweepWorkgroups(maps),
    wgsl: `${
      declareBindings([
        { name: "x", elements: elements(maps) },
        { name: "dy", elements: elements(maps) },
        { name: "coefficients", elements: 4 * maps.c },
      ], [{ name: "sums", elements: sweepParts(maps).parts * maps.c, type: "vec2f" }])
    }
${
      sweepMain(maps, {
        before: `
  let scale = coefficients[channel];
  let shift = coefficients[${maps.c}u + channel];
  let mean = coefficients[${2 * maps.c}u + channel];
  var first = 0.0;
  var second = 0.0;`,
        body: `let value = x[i]; let dz = ${throughRelu(relu, "f32")}; first += dz; ` +
          "second += dz * (value - mean);",
        after: `sums[part * ${maps.c}u + channel] = vec2f(first, second);`,
      })
    }`,
  };
}

/** sums (parts,C,2), coefficients (4,C) -> dgamma (C), dbeta (C). */
export function normalizeParameterGradientsKernel(channels: number, parts: number): Kernel {
  return {
    label: `batch norm parameter gradients ${channels}`,
    workgroups: [channels, 1, 1],
    wgsl: `${
      declareBindings([
        { name: "sums", elements: parts * channels, type: "vec2f" },
        { name: "coefficients", elements: 4 * channels },
      ], [{ name: "dgamma", elements: channels }, { name: "dbeta", elements: channels }])
    }
${WORKGROUP_TOTAL}
@compute @workgroup_size(${SUM_INVOCATIONS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let channel = group.x;
  var sum = vec2f();
  for (var part = lane; part < ${parts}u; part += ${SUM_INVOCATIONS}u) {
    sum += sums[part * ${channels}u + channel];
  }
  let first = workgroupTotal(lane, sum.x);
  let second = workgroupTotal(lane, sum.y);
  if (lane == 0u) {
    dbeta[channel] = first;
    dgamma[channel] = second * coefficients[${3 * channels}u + channel];
  }
}`,
  };
}

/** What {@linkcode normalizeGradientKernel} computes. */
export interface NormalizeGradientOptions {
  readonly relu: boolean;
  /** True where the coefficients came from this very batch, and so depend on x. */
  readonly training: boolean;
  /** Adds one more input to the result. */
  readonly addend: boolean;
}

/**
 * x, dy, coefficients (4,C), in training also dgamma (C) and dbeta (C), with `addend` one tensor
 * like x -> dx. In training dx = scale (dz - mean(dz) - (x - mean) mean(dz (x - mean)) / variance),
 * else scale dz.
 */
export function normalizeGradientKernel(
  maps: FeatureMaps,
  options: NormalizeGradientOptions,
): Kernel {
  const { c } = maps;
  const { width, type } = planeVector(maps);
  const vectors = elements(maps) / width;
  const count = maps.n * maps.h * maps.w;
  const { relu, training, addend } = options;
  const perChannel = training
    ? [{ name: "dgamma", elements: c }, { name: "dbeta", elements: c }]
    : [];
  return {
    label: `batch norm gradient ${shapeText(maps)}`,
    workgroups: planeWorkgroups(maps),
    wgsl: `${
      declareBindings([
        { name: "x", elements: vectors, type },
        { name: "dy", elements: vectors, type },
        { name: "coefficients", elements: 4 * c },
        ...perChannel,
        ...addend ? [{ name: "addend", elements: vectors, type }] : [],
      ], [{ name: "dx", elements: vectors, type }])
    }
${
      planeMain(maps, {
        before: `
  let scale = coefficients[channel];
  let shift = coefficients[${c}u + channel];
  ${
          training
            ? `let mean = coefficients[${2 * c}u + channel];
  let meanGradient = dbeta[channel] / ${count}.0;
  let slope = dgamma[channel] * coefficients[${3 * c}u + channel] / ${count}.0;`
            : ""
        }`,
        body:
          `${relu || training ? "let value = x[i];" : ""} let dz = ${throughRelu(relu, type)}; ` +
          `dx[i] = scale * ${training ? "(dz - meanGradient - (value - mean) * slope)" : "dz"}` +
          `${addend ? " + addend[i]" : ""};`,
      })
    }`,
  };
}
