/**
 * Takes from earlier runs of the same model what this one would do once more: measuring the model as
 * it came, and finetuning a copy of it, which is the result of `finetune`, the teacher of `nad` and
 * the far end of the curve of `mcr`. On the same GPU the bits are the same.
 */

import { isDeepStrictEqual } from "node:util";
import { findDefense } from "../defenses/defenses.ts";
import { FormatError } from "../errors.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import { evaluationOf } from "../runs/evaluation.ts";
import { folderStore } from "../runs/folder_store.ts";
import type { MetricsLine } from "../runs/metrics.ts";
import { readMetrics, readRecord, readRunModel } from "../runs/run_files.ts";
import type { RunFolder } from "../runs/run_folder.ts";
import {
  expectCommand,
  expectIntact,
  type ReadRecord,
  type RunRecord,
} from "../runs/run_record.ts";
import type { Store } from "../runs/store.ts";
import { shown } from "../text/quoted.ts";
import { VERSION } from "../version.ts";
import { modelFile, modelMetadata } from "./defense_hooks.ts";
import type { DefenseRunSettings } from "./defense_settings.ts";

type SettingName = keyof DefenseRunSettings;

/** What either depends on besides the GPU. */
const MODEL_AND_IMAGES: readonly SettingName[] = [
  "modelDigest",
  "arch",
  "key",
  "dataset",
  "data",
  "roi",
  "preprocessing",
];

/** What the measurement of a model depends on besides. */
const MEASUREMENT: readonly SettingName[] = [...MODEL_AND_IMAGES, "limit", "attack"];

/** What a finetuned copy depends on besides, and its metrics. */
const FINETUNING: readonly SettingName[] = [
  ...MODEL_AND_IMAGES,
  "subset",
  "heldOut",
  "statistics",
  "patience",
  "logEvery",
  "kernels",
];

/** A run that is about to begin. */
export interface NewRun extends Pick<RunRecord, "command" | "adapter" | "images"> {
  readonly settings: DefenseRunSettings;
}

/** What earlier runs have of what a run needs. */
export interface EarlierWork {
  /** The measurement of the model as it came, a result. */
  readonly before?: unknown;
  /** A finetuned copy, under the name of the phase that it is in the new run. */
  readonly finetuned?: {
    readonly phase: string;
    readonly state: StateDict;
    readonly metrics: readonly MetricsLine[];
    /** Folder of the run that made it. */
    readonly run: string;
  };
}

/**
 * What the runs in `paths` have, of the same model and images, for another run of their command.
 *
 * @param run As it will be recorded: with batches for as many images as there are, and the kernels.
 * @throws {FormatError} where there is no such run.
 */
export async function findEarlierWork(
  paths: readonly string[],
  run: NewRun,
): Promise<EarlierWork> {
  const wanted: DefenseRunSettings = JSON.parse(JSON.stringify(run.settings));
  const finetuning = finetuningOf(wanted);
  let before: unknown;
  let finetuned: EarlierWork["finetuned"];
  for (const path of paths) {
    const attempt = `cannot take results from ${shown(path)}`;
    const store = folderStore(path);
    const read = await readRecord(store, attempt);
    const { record } = read;
    expectCommand(record, run.command, attempt);
    expectIntact(read, attempt);
    if (record.adapter !== run.adapter || !isDeepStrictEqual(record.images, run.images)) continue;
    const found = record.settings;
    const alike = (names: readonly SettingName[]) =>
      names.every((name) => isDeepStrictEqual(found[name], wanted[name]));
    if (before === undefined && alike(MEASUREMENT) && evaluationOf(record.results.before)) {
      before = record.results.before;
    }
    if (!finetuned && finetuning && alike(FINETUNING) && isSameProgram(record)) {
      finetuned = await finetunedCopy(store, read, finetuning, wanted);
    }
  }
  return { before, ...finetuned ? { finetuned } : {} };
}

/** Puts it into the folder of a new run of `settings`, as if that had come so far by itself. */
export async function takeOver(
  folder: RunFolder,
  { before, finetuned }: EarlierWork,
  settings: DefenseRunSettings,
): Promise<void> {
  if (before !== undefined) await folder.update({ results: { before } });
  if (!finetuned) return;
  const { phase, state, metrics, run } = finetuned;
  await folder.addMetrics(metrics);
  await folder.saveModel(modelFile(phase), state, modelMetadata(settings));
  await folder.update({ results: { notes: { finetunedBy: run } } });
}

/** What the defence of a run finetunes, if it does; under the name that the record has for it. */
function finetuningOf({ defense, teacher, teacherKind }: DefenseRunSettings) {
  // Only nad takes a teacher from a file.
  const finetuning = teacher === null
    ? findDefense(defense).finetuning?.({ teacher: teacherKind })
    : undefined;
  return finetuning && {
    phase: finetuning.phase,
    training: finetuning.training === "training" ? "studentTraining" : finetuning.training,
  } as const;
}

function isSameProgram({ lethe, deno }: RunRecord): boolean {
  return lethe === VERSION && deno === Deno.version.deno;
}

/** The copy that a finished run has finetuned as `wanted` says, if it has and can be read. */
async function finetunedCopy(
  store: Store,
  read: ReadRecord,
  { phase, training }: NonNullable<ReturnType<typeof finetuningOf>>,
  wanted: DefenseRunSettings,
): Promise<EarlierWork["finetuned"]> {
  // Equal but for what the new run names otherwise, so it is what a run of this program recorded.
  const settings = read.record.settings as Partial<DefenseRunSettings> as DefenseRunSettings;
  const theirs = finetuningOf(settings);
  if (!read.record.finished || !theirs) return undefined;
  if (!isDeepStrictEqual(settings[theirs.training], wanted[training])) return undefined;
  try {
    const state = await readRunModel(store, read, modelFile(theirs.phase));
    if (!state) return undefined;
    const metrics = (await readMetrics(store))
      .filter((line) => line.phase === theirs.phase)
      .map((line) => ({ ...line, phase }));
    return { phase, state, metrics, run: store.path };
  } catch (error) {
    // Damage to an earlier run is no reason to fail: the copy is made once more.
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
