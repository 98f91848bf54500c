/**
 * Networks, images in memory, training, measuring, defences and audits on a GPU: nothing here knows files
 * or Deno, so that it runs in a page too.
 *
 * @module
 */

export * from "./tensor.ts";
export * from "./defenses.ts";
export * from "./audit.ts";

export { type TimedCandidate, tune, type TunedUse } from "./src/tuning/tune.ts";
export { convolutionUses } from "./src/tuning/convolution_uses.ts";
export {
  type Architecture,
  type ForwardResult,
  type Head,
  type NormEntry,
  parameterCount,
  type StateEntry,
} from "./src/nn/architecture.ts";
export { wideResNet } from "./src/nn/wide_resnet.ts";
export { inferArchitecture, namedArchitecture } from "./src/nn/architectures.ts";
export { checkState, initialState, type NamedState } from "./src/nn/state.ts";
export { loadModel, type Model, readModel, tensorLookup, writeModel } from "./src/nn/model.ts";
export {
  checkImageSet,
  type Dataset,
  imageCount,
  type ImageSet,
  selectImages,
} from "./src/data/image_set.ts";
export { imagesDigest } from "./src/data/images_digest.ts";
export type { LoadOptions, Part } from "./src/data/load_options.ts";
export { loadSigns, SIGNS_CLASS_NAMES, type SignsOptions } from "./src/data/signs.ts";
export { type Cifar10Options, loadCifar10 } from "./src/data/cifar10.ts";
export { loadIdx } from "./src/data/idx.ts";
export { type ClassOptions, type ClassOrder, parseClassNames } from "./src/data/class_names.ts";
export { type LabelRow, parseLabels } from "./src/data/label_table.ts";
export type { ResizeMode, Size } from "./src/data/fit_image.ts";
export type { FileTree, Listing } from "./src/data/file_tree.ts";
export type { PassedOver } from "./src/data/passed_over.ts";
export { memoryTree, openArchive } from "./src/data/archive_tree.ts";
export {
  cleanFraction,
  evenSubset,
  type HeldOutSplit,
  indexRange,
  splitHeldOut,
} from "./src/data/clean_subset.ts";
export { RandomPurpose } from "./src/data/random.ts";
export { flipKeepsClass } from "./src/data/flips.ts";
export type { Corruption } from "./shaders/corruption.ts";
export {
  type Augmentation,
  NO_AUGMENTATION,
  PLAIN_PREPROCESSING,
  type Preprocessing,
  TRIGGERED,
} from "./shaders/gather.ts";
export type { FixedElements } from "./src/train/fixed_elements.ts";
export { type ImageStore, uploadImages } from "./src/train/image_store.ts";
export type { Batch } from "./src/train/batches.ts";
export { type Schedule, SCHEDULES } from "./src/train/schedule.ts";
export type { SgdSettings } from "./shaders/sgd.ts";
export type {
  EpochMetrics,
  EpochProgress,
  Objective,
  TrainingImages,
  TrainingSettings,
  TrainingWatch,
} from "./src/train/trainer.ts";
export { CROSS_ENTROPY } from "./src/train/objectives.ts";
export {
  type PhaseSnapshot,
  type Snapshot,
  train,
  type TrainedEpoch,
  type TrainingRun,
} from "./src/train/train.ts";
export type { CurveEnds } from "./src/train/curve.ts";
export type { Kept, Selection } from "./src/train/selection.ts";
export { type RunOptions } from "./src/train/run_steps.ts";
export {
  createEvaluator,
  evaluateModel,
  type Evaluation,
  type EvaluationOptions,
  type Evaluator,
} from "./src/train/evaluate.ts";
export type { Backdoor } from "./src/data/backdoor.ts";
export type { AttackCounts, CleanCounts, Confusion, Share } from "./src/train/confusion.ts";
export type { Kind } from "./src/text/kinds.ts";
export { type Target, type TargetMode, targetOf } from "./src/data/target.ts";
export {
  applyTrigger,
  type ImageTrigger,
  isPixelTrigger,
  type PixelTrigger,
  type Trigger,
  triggeredImage,
} from "./src/data/trigger.ts";
export {
  DataError,
  DeviceError,
  DeviceLostError,
  Finding,
  FormatError,
  Interrupted,
  LetheError,
  ModelError,
  NoAdapterError,
  OutOfMemoryError,
  TrainingError,
  UnsupportedImageError,
  UsageError,
  ValidationError,
} from "./src/errors.ts";
