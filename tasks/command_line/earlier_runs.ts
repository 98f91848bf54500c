/**
 * Takes from earlier runs of the same model what this one would do once more: measuring the model as
 * it came, and finetuning a copy of it, which is the result of `finetune`, the teacher of `nad` and
 * the far end of the curve of `mcr`. On the same GPU the bits are the same.
 */

import { isDeepStrictEqual } from "node:util";
import { findDefense } from "../../src/defenses/defenses.ts";
import { FormatError } from "../../src/errors.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import { readMetrics } from "../../src/report/run_contents.ts";
import { isEvaluation } from "../../src/sweep/cell_folder.ts";
import {
  type MetricsLine,
  openRunFolder,
  type RunFolder,
  type RunRecord,
} from "../../src/train/run_folder.ts";
import { VERSION } from "../../src/version.ts";
import { modelFile, modelMetadata } from "./defense_hooks.ts";
import type { DefenseRunSettings } from "./defense_settings.ts";

type SettingName = keyof DefenseRunSettings;

/** What either depends on besides the GPU. */
const MODEL_AND_IMAGES: readonly SettingName[] = [
  "modelDigest",
  "arch",
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
 * What the runs of `command` in `paths` have, of the same model and images, for a run of `settings`.
 *
 * @param settings As they will be recorded: with batches for as many images as there are, and the
 * kernels.
 * @param adapter Name of the GPU.
 * @throws {FormatError} where there is no such run.
 */
export async function findEarlierWork(
  paths: readonly string[],
  command: string,
  settings: DefenseRunSettings,
  adapter: string,
): Promise<EarlierWork> {
  const wanted: DefenseRunSettings = JSON.parse(JSON.stringify(settings));
  const finetuning = finetuningOf(wanted);
  let before: unknown;
  let finetuned: EarlierWork["finetuned"];
  for (const path of paths) {
    const folder = await openRunFolder(path, command, "take results from");
    const { record } = folder;
    if (record.adapter !== adapter) continue;
    const found = record.settings as unknown as DefenseRunSettings;
    const alike = (names: readonly SettingName[]) =>
      names.every((name) => isDeepStrictEqual(found[name], wanted[name]));
    if (before === undefined && alike(MEASUREMENT) && isEvaluation(record.results.before)) {
      before = record.results.before;
    }
    if (!finetuned && finetuning && alike(FINETUNING) && isSameProgram(record)) {
      finetuned = await finetunedCopy(folder, finetuning, wanted);
    }
  }
  return { before, ...finetuned ? { finetuned } : {} };
}

/** Puts it into the folder of a new run, as if the run had come so far by itself. */
export async function takeOver(folder: RunFolder, work: EarlierWork): Promise<void> {
  const { before, finetuned } = work;
  if (before !== undefined) await folder.update({ results: { before } });
  if (!finetuned) return;
  const { phase, state, metrics, run } = finetuned;
  await folder.addMetrics(metrics);
  const metadata = modelMetadata(folder.record.settings as unknown as DefenseRunSettings);
  await folder.saveModel(modelFile(phase), state, metadata);
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
  folder: RunFolder,
  { phase, training }: NonNullable<ReturnType<typeof finetuningOf>>,
  wanted: DefenseRunSettings,
): Promise<EarlierWork["finetuned"]> {
  const { path, record } = folder;
  const settings = record.settings as unknown as DefenseRunSettings;
  const theirs = finetuningOf(settings);
  if (!record.finished || !theirs) return undefined;
  if (!isDeepStrictEqual(settings[theirs.training], wanted[training])) return undefined;
  try {
    const state = await folder.readModel(modelFile(theirs.phase));
    if (!state) return undefined;
    const metrics = (await readMetrics(`${path}/metrics.jsonl`))
      .filter((line) => line.phase === theirs.phase)
      .map((line) => ({ ...line, phase }));
    return { phase, state, metrics, run: path };
  } catch (error) {
    // Damage to an earlier run is no reason to fail: the copy is made once more.
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
