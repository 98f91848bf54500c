/**
 * Erases backdoors from image classifiers by Neural Attention Distillation on WebGPU, and implants
 * and measures them: everything that the commands do, for other Deno programs.
 *
 * The whole job, as small as it gets: a network learns a backdoor, and forgets it again.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import {
 *   badnets,
 *   buildBackdoor,
 *   defend,
 *   type Evaluation,
 *   implant,
 *   loadSigns,
 *   nad,
 *   openGpu,
 *   PLAIN_PREPROCESSING,
 *   poison,
 *   RECIPES,
 *   recipeSettings,
 *   wideResNet,
 * } from "./mod.ts";
 *
 * const gpu = await openGpu();
 * const { train, test, classNames } = loadSigns({ trainCount: 320, testCount: 100 });
 * const architecture = wideResNet(10, 1, classNames.length);
 * const preprocessing = PLAIN_PREPROCESSING;
 * const recipe = { ...RECIPES.lethe, epochs: 1, teacherEpochs: 1 };
 * const settings = recipeSettings(recipe, { images: 320, preprocessing, flip: false, seed: 1 });
 *
 * // The attacker: a tenth of the training images get a patch in a corner and become class 7.
 * const target = { mode: "all2one", label: 7 } as const;
 * const backdoor = buildBackdoor({ name: "badnets", target, options: {}, seed: 1 }, train);
 * const poisoning = poison(train.labels, classNames.length, badnets, { target, rate: 0.1, seed: 1 });
 * const attack = { backdoor, poisoning };
 * const implanted = await implant(gpu, {
 *   architecture,
 *   train,
 *   test,
 *   preprocessing,
 *   training: settings.training,
 *   attack,
 * });
 *
 * // The defender: clean images, and no idea of the patch; `backdoor` only measures what happens.
 * const results: Evaluation[] = [];
 * const cleaned = await defend(gpu, {
 *   defense: nad,
 *   student: { architecture, state: implanted.state, source: "the example" },
 *   clean: train,
 *   settings,
 *   measurement: { test, preprocessing, backdoor },
 * }, { onEvaluated: async (_stage, evaluation) => void results.push(evaluation) });
 *
 * const [before, after] = results;
 * assert.equal(before?.samples, 100);
 * assert.ok(after?.attack);
 * assert.notDeepEqual(cleaned.get("conv1.weight"), implanted.state.get("conv1.weight"));
 * gpu.close();
 * ```
 *
 * @module
 */

// Whole jobs.
export {
  type AttackFileResult,
  attackFolder,
  auditFile,
  eraseFile,
  type EraseResult,
  evaluateFile,
  type JobOptions,
  resumeErase,
} from "./src/jobs/files.ts";
export type { AuditFileResult } from "./src/jobs/audit_job.ts";
export { SILENT, type Watcher } from "./src/jobs/watcher.ts";

// Devices.
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

// Choosing kernels by timing.
export { ChoiceTable, useKey } from "./src/gpu/choice_table.ts";
export { type TimedCandidate, tune, type TunedUse } from "./src/tuning/tune.ts";
export { convolutionUses } from "./src/tuning/convolution_uses.ts";
export { loadChoices, saveChoices } from "./src/tuning/choices_file.ts";

// Recording, differentiating and running programs.
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

// Networks.
export {
  type Architecture,
  type ForwardResult,
  type Head,
  type NormEntry,
  parameterCount,
  type StateEntry,
} from "./src/nn/architecture.ts";
export type { BatchNormConstants } from "./src/tensor/operations/batch_norm.ts";
export { wideResNet } from "./src/nn/wide_resnet.ts";
export { inferArchitecture, namedArchitecture } from "./src/nn/architectures.ts";
export { checkState, initialState, type NamedState } from "./src/nn/state.ts";
export { loadModel, type Model, readModel, tensorLookup, writeModel } from "./src/nn/model.ts";

// Images.
export {
  checkImageSet,
  type Dataset,
  imageCount,
  type ImageSet,
  selectImages,
} from "./src/data/image_set.ts";
export { imagesDigest } from "./src/data/images_digest.ts";
export type { LoadOptions, Part } from "./src/data/load_options.ts";
export {
  DATASET_NAMES,
  type DatasetRequest,
  downloadDataset,
  loadDataset,
} from "./src/data/datasets.ts";
export type { DownloadOptions } from "./src/data/download.ts";
export { loadSigns, SIGNS_CLASS_NAMES, type SignsOptions } from "./src/data/signs.ts";
export { type Cifar10Options, loadCifar10 } from "./src/data/cifar10.ts";
export { type GtsrbOptions, loadGtsrb } from "./src/data/gtsrb.ts";
export { loadIdx } from "./src/data/idx.ts";
export { type ImageFolderOptions, loadImageFolder } from "./src/data/image_folder.ts";
export { type ClassOptions, type ClassOrder, parseClassNames } from "./src/data/class_names.ts";
export { type LabelRow, parseLabels } from "./src/data/label_table.ts";
export type { ResizeMode, Size } from "./src/data/fit_image.ts";
export type { FileTree, Listing } from "./src/data/file_tree.ts";
export type { PassedOver } from "./src/data/passed_over.ts";
export { memoryTree, openArchive } from "./src/data/archive_tree.ts";
export { openPlace } from "./src/data/folder_tree.ts";
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

// Training and measuring.
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
export { decodeSnapshot, encodeSnapshot, type ReadSnapshot } from "./src/runs/snapshot_file.ts";
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
export { createRun, resumeRun, type RunFolder } from "./src/runs/run_folder.ts";
export type { RunImages, RunRecord } from "./src/runs/run_record.ts";
export type { MetricsLine } from "./src/runs/metrics.ts";
export type { AttackEvaluation, EvaluationDocument } from "./src/runs/evaluation.ts";
export type { AuditDocument, AuditedClass } from "./src/runs/audit.ts";
export { memoryStore, type Store } from "./src/runs/store.ts";
export { folderStore, reserveFolder, takeFolder } from "./src/runs/folder_store.ts";

// Attacks.
export type {
  Attack,
  Covers,
  PixelAttack,
  Preparation,
  PrepareHooks,
  PrepareRequest,
  TrainingRequest,
  TriggerRequest,
} from "./src/attacks/attack.ts";
export type { AttackOption } from "./src/attacks/options.ts";
export type { Kind } from "./src/text/kinds.ts";
export { ATTACKS, findAttack } from "./src/attacks/attacks.ts";
export { adapBlend } from "./src/attacks/adap_blend.ts";
export { badnets } from "./src/attacks/badnets.ts";
export { blend } from "./src/attacks/blend.ts";
export { bpp } from "./src/attacks/bpp.ts";
export { cleanLabel } from "./src/attacks/clean_label.ts";
export { ctrl } from "./src/attacks/ctrl.ts";
export { ftrojan } from "./src/attacks/ftrojan.ts";
export { refool } from "./src/attacks/refool.ts";
export { sig } from "./src/attacks/sig.ts";
export { tact } from "./src/attacks/tact.ts";
export { trojan } from "./src/attacks/trojan.ts";
export { wanet } from "./src/attacks/wanet.ts";
export {
  BACKDOOR_KEY,
  type BackdoorDescription,
  type BackdoorRequest,
  buildBackdoor,
  describedBackdoor,
  type NamedFile,
  readTriggerFiles,
  recordedBackdoor,
  targetOfBackdoor,
  trainingTriggers,
} from "./src/attacks/backdoor.ts";
export type { TrainingTriggers } from "./src/attacks/poisoned_set.ts";
export { type Target, type TargetMode, targetOf } from "./src/data/target.ts";
export {
  applyTrigger,
  type ImageTrigger,
  isPixelTrigger,
  type PixelTrigger,
  type Trigger,
  triggeredImage,
} from "./src/data/trigger.ts";
export { poison, type Poisoning } from "./src/attacks/poison.ts";
export { implant, type ImplantHooks, type ImplantRequest } from "./src/attacks/implant.ts";

// Defences.
export { defend, type DefendHooks, type DefendRequest } from "./src/defenses/defend.ts";
export type {
  Defense,
  DefenseContext,
  DefenseSettings,
  DistillationSettings,
  Finetuning,
  PhaseOptions,
} from "./src/defenses/defense.ts";
export { DEFENSES, findDefense } from "./src/defenses/defenses.ts";
export { finePruning } from "./src/defenses/fine_pruning.ts";
export { finetune } from "./src/defenses/finetune.ts";
export { modeConnectivity } from "./src/defenses/mode_connectivity.ts";
export { nad } from "./src/defenses/nad.ts";
export {
  attentionDistillation,
  PAPER_DISTILLATION,
} from "./src/defenses/attention_distillation.ts";
export { type BetaRequest, l2Betas, tapBetas } from "./src/defenses/tap_betas.ts";
export { checkTaps } from "./src/defenses/check_taps.ts";
export {
  fitBatches,
  type Recipe,
  type RecipeName,
  RECIPES,
  recipeSettings,
  type RecipeUse,
} from "./src/defenses/recipes.ts";

// Audits.
export {
  ANOMALY_THRESHOLD,
  audit,
  AUDIT_DEFAULTS,
  type AuditHooks,
  type AuditResult,
  type AuditSettings,
  type ClassAudit,
} from "./src/audit/audit.ts";
export type { RecoveredTrigger } from "./src/audit/trigger_inversion.ts";

// Reports.
export { type RunReport, runReport } from "./src/report/run_report.ts";
export {
  type Missing,
  readRun,
  type RecoveredPatterns,
  type RunContents,
} from "./src/report/run_contents.ts";
export {
  measure,
  type MeasuredNetwork,
  type Measurement,
  type MeasurementRequest,
  type NamedNetwork,
  type NetworkOutput,
} from "./src/report/measurement.ts";
export type { AttentionMaps } from "./src/report/attention_maps.ts";
export type { Picture } from "./src/report/picture.ts";
export type { Command as ReportCommand, ReportInput } from "./src/report/report_input.ts";
export { type DefenseFindings, defenseVerdict } from "./src/report/defense_verdict.ts";
export type { Verdict } from "./src/report/verdict.ts";

// Sweeps.
export type { PlanFile, PlanRow } from "./src/sweep/plan_file.ts";
export type { CellSettings, PlanModel, Settings, SettingValue } from "./src/settings/plan.ts";
export { parsePlan, type Plan } from "./src/sweep/plan.ts";
export type { Cell } from "./src/sweep/plan_rows.ts";
export { type PlanPlaces, type ReadyCell, readyCells } from "./src/sweep/ready_cells.ts";
export { HEARTBEAT, type Heartbeat } from "./src/sweep/attempts.ts";
export type { CellResult } from "./src/sweep/cell_folder.ts";
export {
  type CellEnd,
  type CellEvent,
  runCells,
  type RunCellsOptions,
  type RunnableCell,
} from "./src/sweep/run_cells.ts";
export type { Comparison, FinishedCell, Group } from "./src/sweep/groups.ts";
export { type Measure, MEASURES, type Summaries } from "./src/sweep/measures.ts";
export { summarize, type Summary } from "./src/sweep/confidence.ts";
export { readSweep, type SweepReport, type UnfinishedCell } from "./src/sweep/sweep_report.ts";
export {
  type ResultRow,
  type ResultsDocument,
  resultsDocument,
  writeReport,
} from "./src/sweep/report_files.ts";
export { type JobArray, slurmScript, type SubmittedJob, submitToSlurm } from "./src/sweep/slurm.ts";

// Files.
export type { HostArray, HostDtype, HostTensor, StateDict } from "./src/formats/host_tensor.ts";
export {
  type Checkpoint,
  type CheckpointOptions,
  parseCheckpoint,
  readCheckpoint,
} from "./src/formats/checkpoint.ts";
export { readSafetensors, type Safetensors, writeSafetensors } from "./src/formats/safetensors.ts";
export { readTorch, type TorchCheckpoint } from "./src/formats/torch.ts";
export { writeTorch } from "./src/formats/torch_write.ts";
export { readNpy, writeNpy } from "./src/formats/npy.ts";
export { readNpz } from "./src/formats/npz.ts";
export type { ByteImage } from "./src/formats/byte_image.ts";
export { decodeImage } from "./src/formats/images.ts";
export { encodePng } from "./src/formats/png_write.ts";
export type { FileExpectation } from "./src/formats/read_file.ts";
export { writeFileAtomic } from "./src/formats/write_file.ts";

// Errors.
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

export { VERSION } from "./src/version.ts";
