/**
 * Whether a device computes what it should: the main operations, small, against float64 loops, and
 * the step of the default job.
 */

import { type ConvolutionGeometry, outputExtent } from "../../shaders/convolution/use.ts";
import { RandomPurpose, RandomStream } from "../data/random.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { attentionDistance, attentionMap } from "../tensor/operations/attention.ts";
import { batchNorm } from "../tensor/operations/batch_norm.ts";
import { convolution } from "../tensor/operations/convolution.ts";
import { crossEntropy } from "../tensor/operations/cross_entropy.ts";
import { linear } from "../tensor/operations/linear.ts";
import { recordProgram } from "../tensor/program.ts";
import type { Tape } from "../tensor/tape.ts";
import { locatedTensor, type Shape, type Tensor } from "../tensor/tensor.ts";
import { DEFAULT_STEP_TOLERANCE, defaultStepError } from "./default_step.ts";
import {
  attentionDistance as attentionReference,
  attentionMap as mapReference,
} from "../reference/attention.ts";
import { batchNormTraining } from "../reference/batch_norm.ts";
import {
  convolution as convolutionReference,
  convolutionElements,
  convolutionInputGradient,
  convolutionWeightGradient,
} from "../reference/convolution.ts";
import { crossEntropy as crossEntropyReference } from "../reference/cross_entropy.ts";
import { linear as linearReference } from "../reference/linear.ts";

/** What became of one operation. */
export interface CheckResult {
  readonly name: string;
  /** Largest difference, relative to the largest expected magnitude. */
  readonly error: number;
  readonly passed: boolean;
}

/** Largest relative error: what float32 sums of a few hundred terms stay well below. */
const TOLERANCE = 1e-4;

type Values = Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** A name, and the computed next to the expected values. */
type Comparison = readonly [name: string, found: Float32Array, expected: ArrayLike<number>];

/** The convolutions of a WideResNet in small: 3x3, 3x3 with stride 2, and 1x1 with stride 2. */
const CONVOLUTIONS: readonly ConvolutionGeometry[] = [
  { inChannels: 16, height: 16, width: 16, outChannels: 16, kernelSize: 3, stride: 1 },
  { inChannels: 8, height: 16, width: 16, outChannels: 16, kernelSize: 3, stride: 2 },
  { inChannels: 16, height: 8, width: 8, outChannels: 24, kernelSize: 1, stride: 2 },
].map((sizes) => ({ batch: 2, ...sizes, padding: (sizes.kernelSize - 1) / 2 }));

/** Runs all checks. */
export async function selfTest(gpu: Gpu): Promise<CheckResult[]> {
  const results = await operationChecks(gpu);
  const error = await defaultStepError(gpu);
  const name = "steps of the default recipe";
  return [...results, { name, error, passed: error <= DEFAULT_STEP_TOLERANCE }];
}

/** Checks the operations alone, which takes a software driver a second or two. */
export async function operationChecks(gpu: Gpu): Promise<CheckResult[]> {
  const comparisons: Comparison[] = [];
  for (const shape of CONVOLUTIONS) comparisons.push(...await checkConvolution(gpu, shape));
  comparisons.push(await checkBatchNorm(gpu));
  comparisons.push(await checkClassifier(gpu));
  comparisons.push(await checkAttention(gpu));
  return comparisons.map(([name, found, expected]) => {
    const error = relativeError(found, expected);
    return { name, error, passed: error <= TOLERANCE };
  });
}

/** NaN where a value is NaN. */
function relativeError(found: Float32Array, expected: ArrayLike<number>): number {
  let difference = 0;
  let magnitude = 0;
  for (let i = 0; i < expected.length; i++) {
    const here = Math.abs(found[i]! - expected[i]!);
    if (!(here <= difference)) difference = here;
    magnitude = Math.max(magnitude, Math.abs(expected[i]!));
  }
  return difference / magnitude;
}

/** In all three directions. */
async function checkConvolution(gpu: Gpu, geometry: ConvolutionGeometry): Promise<Comparison[]> {
  const { batch, inChannels, height, width, outChannels, kernelSize, stride } = geometry;
  const out = outputExtent(geometry);
  const elements = convolutionElements(geometry);
  const [xs, ws, dys] = [normal(elements.x, 1), normal(elements.w, 2), normal(elements.y, 3)];
  const [y, dx, dw] = await evaluate(gpu, [
    { shape: [batch, inChannels, height, width], values: xs },
    { shape: [outChannels, inChannels, kernelSize, kernelSize], values: ws },
    { shape: [batch, outChannels, out.height, out.width], values: dys },
  ], (tape, [x, w, dy]) => {
    const y = convolution(tape, x!, w!, { stride });
    // Stands for any scalar whose gradient with respect to y is dy; nothing computes it.
    const loss = tape.constant([1], new Float32Array(1), "loss");
    tape.differentiable([y], loss, () => [dy]);
    return [y, ...tape.gradients([{ loss, weight: 1 }], [x!, w!])];
  });
  const name = `${kernelSize}x${kernelSize} convolution, stride ${stride}`;
  return [
    [name, y!, convolutionReference(geometry, xs, ws).value],
    [`${name}: input gradient`, dx!, convolutionInputGradient(geometry, dys, ws).value],
    [`${name}: weight gradient`, dw!, convolutionWeightGradient(geometry, xs, dys).value],
  ];
}

async function checkBatchNorm(gpu: Gpu): Promise<Comparison> {
  const [batch, channels, side] = [4, 16, 8];
  const values = {
    x: normal(batch * channels * side ** 2, 4),
    gamma: normal(channels, 5),
    beta: normal(channels, 6),
  };
  const [y] = await evaluate(gpu, [
    { shape: [batch, channels, side, side], values: values.x },
    { shape: [channels], values: values.gamma },
    { shape: [channels], values: values.beta },
    { shape: [channels], values: new Float32Array(channels) },
    { shape: [channels], values: new Float32Array(channels) },
  ], (tape, [x, gamma, beta, runningMean, runningVariance]) => {
    const tensors = {
      gamma: gamma!,
      beta: beta!,
      runningMean: runningMean!,
      runningVariance: runningVariance!,
    };
    return [batchNorm(tape, x!, tensors, { mode: "training", relu: true })];
  });
  const maps = { n: batch, c: channels, h: side, w: side };
  const expected = batchNormTraining(maps, values.x, values.gamma, values.beta);
  return ["batch norm and ReLU", y!, expected.map((value) => Math.max(0, value))];
}

async function checkClassifier(gpu: Gpu): Promise<Comparison> {
  const [batch, inputs, classes] = [8, 64, 10];
  const values = {
    x: normal(batch * inputs, 7),
    w: normal(classes * inputs, 8),
    b: normal(classes, 9),
  };
  const labels = Uint32Array.from({ length: batch }, (_, n) => n % classes);
  const [loss] = await evaluate(gpu, [
    { shape: [batch, inputs], values: values.x },
    { shape: [classes, inputs], values: values.w },
    { shape: [classes], values: values.b },
    { shape: [batch], values: labels },
  ], (tape, [x, w, b, y]) => [crossEntropy(tape, linear(tape, x!, w!, b!), y!)]);
  const logits = linearReference({ batch, inputs, outputs: classes }, values.x, values.w, values.b);
  const expected = crossEntropyReference(logits, labels, classes);
  return ["linear layer and cross-entropy", loss!, [expected]];
}

async function checkAttention(gpu: Gpu): Promise<Comparison> {
  const [batch, channels, side] = [4, 16, 16];
  const shape = [batch, channels, side, side];
  const student = normal(batch * channels * side ** 2, 10);
  const teacher = normal(batch * channels * side ** 2, 11);
  const operator = { reduction: "sum", power: 2 } as const;
  const [distance] = await evaluate(
    gpu,
    [{ shape, values: student }, { shape, values: teacher }],
    (tape, maps) => {
      const [a, b] = maps.map((map) => attentionMap(tape, map, operator));
      return [attentionDistance(tape, a!, b!)];
    },
  );
  const pixels = side ** 2;
  const [a, b] = [student, teacher].map((f) =>
    mapReference(f, { batch, channels, pixels }, operator)
  );
  const expected = attentionReference(a!, b!, pixels);
  return ["attention distance", distance!, [expected]];
}

/** Records `record` on the inputs, runs it once, and reads what it returns. */
async function evaluate(
  gpu: Gpu,
  inputs: readonly { shape: Shape; values: Values }[],
  record: (tape: Tape, inputs: readonly Tensor[]) => readonly Tensor[],
): Promise<Float32Array[]> {
  using recorded = recordProgram(gpu, (tape, scope) => {
    const tensors = inputs.map(({ shape, values }, i) => {
      const range = scope.buffer(values.byteLength, `input ${i}`);
      gpu.write(range, values);
      const type = values instanceof Uint32Array ? "u32" : "f32";
      return locatedTensor(shape, range, `input ${i}`, type);
    });
    return record(tape, tensors).map((tensor) => tape.keep(tensor));
  });
  const { program, outputs } = recorded;
  program.prepare();
  program.run();
  return await Promise.all(outputs.map((tensor) => program.read(tensor)));
}

/** Normal numbers, the same everywhere for the same seed. */
function normal(count: number, seed: number): Float32Array<ArrayBuffer> {
  const random = new RandomStream(seed, RandomPurpose.parameters);
  return Float32Array.from({ length: count }, () => random.normal());
}
