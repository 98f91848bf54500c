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

export * from "./core.ts";
export * from "./attacks.ts";
export * from "./formats.ts";
export * from "./sweep.ts";

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
export { loadChoices, saveChoices } from "./src/tuning/choices_file.ts";
export {
  DATASET_NAMES,
  type DatasetRequest,
  downloadDataset,
  loadDataset,
} from "./src/data/datasets.ts";
export type { DownloadOptions } from "./src/data/download.ts";
export { type GtsrbOptions, loadGtsrb } from "./src/data/gtsrb.ts";
export { type ImageFolderOptions, loadImageFolder } from "./src/data/image_folder.ts";
export { openPlace } from "./src/data/folder_tree.ts";
export { decodeSnapshot, encodeSnapshot, type ReadSnapshot } from "./src/runs/snapshot_file.ts";
export { createRun, resumeRun, type RunFolder } from "./src/runs/run_folder.ts";
export type { RunImages, RunRecord } from "./src/runs/run_record.ts";
export type { MetricsLine } from "./src/runs/metrics.ts";
export type { AttackEvaluation, EvaluationDocument } from "./src/runs/evaluation.ts";
export type { AuditDocument, AuditedClass } from "./src/runs/audit.ts";
export { memoryStore, type Store } from "./src/runs/store.ts";
export { folderStore, reserveFolder, takeFolder } from "./src/runs/folder_store.ts";
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
export { VERSION } from "./src/version.ts";
