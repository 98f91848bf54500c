/**
 * Devices, and symbolic tensors recorded, differentiated and run as programs on them.
 *
 * @module
 */

export { type AdapterDescription, type AdapterOptions } from "./src/gpu/adapter.ts";
export {
  type BufferRange,
  type Dispatch,
  Gpu,
  type GpuCounters,
  openGpu,
  RANGE_ALIGNMENT,
} from "./src/gpu/gpu.ts";
export type { Allocator, Scope } from "./src/gpu/scope.ts";
export type { Scratch } from "./src/gpu/scratch.ts";
export type { Kernel } from "./shaders/kernel.ts";
export type {
  ConvolutionFacts,
  ConvolutionGeometry,
  ConvolutionUse,
  ForwardFusion,
  InputGradientFusion,
  WeightGradientFusion,
} from "./shaders/convolution/use.ts";
export type { KernelCapabilities, KernelChoices } from "./shaders/kernel.ts";
export { ChoiceTable, useKey } from "./src/gpu/choice_table.ts";
export {
  type ElementType,
  locatedTensor,
  type Shape,
  size,
  type Tensor,
} from "./src/tensor/tensor.ts";
export {
  type Backward,
  type BackwardRule,
  type Step,
  Tape,
  type WeightedLoss,
} from "./src/tensor/tape.ts";
export { buildProgram, Program } from "./src/tensor/program.ts";
export type { AttentionOperator, Distance } from "./shaders/attention.ts";
export { attentionDistance, attentionMap } from "./src/tensor/operations/attention.ts";
export {
  type Activation,
  batchNorm,
  type BatchNormTensors,
  materialize,
  type Mode,
  normalizedActivation,
} from "./src/tensor/operations/batch_norm.ts";
export { convolution, type ConvolutionOptions } from "./src/tensor/operations/convolution.ts";
export { crossEntropy } from "./src/tensor/operations/cross_entropy.ts";
export { softCrossEntropy } from "./src/tensor/operations/soft_cross_entropy.ts";
export { add, relu } from "./src/tensor/operations/elementwise.ts";
export { linear } from "./src/tensor/operations/linear.ts";
export {
  adaptiveAveragePool,
  averagePool,
  globalPool,
  maxPool,
  type PoolOptions,
} from "./src/tensor/operations/pool.ts";
export type { BatchNormConstants } from "./src/tensor/operations/batch_norm.ts";
