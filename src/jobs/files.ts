/**
 * The commands as functions: a model's file and a folder of images in, a run folder and its results
 * out, with settings by the names of flags, progress, resume and abort.
 */

import { UsageError } from "../errors.ts";
import type { Verdict } from "../report/verdict.ts";
import type { EvaluationDocument } from "../runs/evaluation.ts";
import type { RunRecord } from "../runs/run_record.ts";
import { givenSettings } from "../settings/given.ts";
import { attackJob } from "./attack_job.ts";
import { attackSettings } from "./attack_settings.ts";
import { type AuditFileResult, auditJob } from "./audit_job.ts";
import { auditSettings } from "./audit_settings.ts";
import { defenseJob } from "./defense_job.ts";
import { defenseSettings, resumedDefense } from "./defense_settings.ts";
import { evaluateJob } from "./evaluate_job.ts";
import { continueRun } from "./runs.ts";
import { type JobContext, SILENT, type Watcher } from "./watcher.ts";

/** How a job is done, and who watches. */
export interface JobOptions {
  /**
   * Settings by name, `{ cleanFraction: 0.1 }` for `--clean-fraction 0.1`; the flags' defaults where
   * none are given. Any flag of the command of the same name, but for those that have their own
   * field here.
   */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Where the run folder is to be; without it a new one in `./runs`. */
  readonly out?: string;
  /** Stops the job; the run folder is where {@linkcode resumeErase} goes on. */
  readonly signal?: AbortSignal;
  /** Told what is done; nobody unless given. */
  readonly watcher?: Watcher;
}

/** What a defence of a file came to. */
export interface EraseResult {
  /** Path of the run folder. */
  readonly out: string;
  /** Path of the cleaned model, a safetensors file. */
  readonly model: string;
  /** What the run's `run.json` holds: every setting and all measurements. */
  readonly record: RunRecord;
  /** What the numbers mean, in words. */
  readonly verdict: Verdict;
}

/** What a training came to. */
export interface AttackFileResult {
  /** Path of the run folder. */
  readonly out: string;
  /** Path of the network, a safetensors file. */
  readonly model: string;
  /** The measurement of the network. */
  readonly evaluation: EvaluationDocument;
  /** Number of poisoned images. */
  readonly poisoned: number;
}

/**
 * Says how suspicious a model is, without knowing a trigger; what `audit` does.
 *
 * @param model Path of a safetensors file, a PyTorch checkpoint or what else `--model` takes.
 * @param dataset Name of a data set, or path of a folder of images.
 * @throws {LetheError} for whatever the command refuses, with the same message.
 */
export async function auditFile(
  model: string,
  dataset: string,
  options: JobOptions = {},
): Promise<AuditFileResult> {
  const flags = givenSettings("audit", { ...options.settings, model, dataset });
  return await auditJob(contextOf(options), await auditSettings(flags), options.out);
}

/**
 * Erases a backdoor from a model; what `erase` does, or `defend` where the settings name another
 * `defense`.
 *
 * @param model Path of a safetensors file, a PyTorch checkpoint or what else `--model` takes.
 * @param dataset Name of a data set, or path of a folder of clean images.
 * @throws {Interrupted} when the signal is aborted.
 * @throws {LetheError} for whatever the command refuses, with the same message.
 */
export async function eraseFile(
  model: string,
  dataset: string,
  options: JobOptions = {},
): Promise<EraseResult> {
  const flags = givenSettings("defend", { ...options.settings, model, dataset });
  const command = options.settings?.defense === undefined ? "erase" : "defend";
  const request = await defenseSettings(command, flags.defense, flags);
  const { before } = flags;
  return eraseResult(
    await defenseJob(contextOf(options), command, request, { out: options.out, before }),
  );
}

/**
 * Goes on with a run of {@linkcode eraseFile} that was stopped, or of the commands `erase` and
 * `defend`: to the same bits as a run in one piece, on the same GPU.
 *
 * @param out The run folder.
 * @throws {FormatError} where it is none, or damaged.
 * @throws {Interrupted} when the signal is aborted.
 */
export async function resumeErase(
  out: string,
  options: Pick<JobOptions, "signal" | "watcher"> & { readonly command?: "erase" | "defend" } = {},
): Promise<EraseResult> {
  const { command = "erase" } = options;
  const context = contextOf(options);
  const resumed = await continueRun(out, command, context.output);
  return eraseResult(await defenseJob(context, command, resumedDefense(resumed), { resumed }));
}

/**
 * Measures a model; what `evaluate` does.
 *
 * @param model Path of a safetensors file, a PyTorch checkpoint or what else `--model` takes.
 * @param dataset Name of a data set, or path of a folder of images.
 * @throws {LetheError} for whatever the command refuses, with the same message.
 */
export async function evaluateFile(
  model: string,
  dataset: string,
  options: Omit<JobOptions, "out"> = {},
): Promise<EvaluationDocument> {
  const flags = givenSettings("evaluate", { ...options.settings, model, dataset });
  return (await evaluateJob(contextOf(options), model, flags)).document;
}

/**
 * Trains a network with a backdoor, or with `attack` "none" a clean one; what `attack` does.
 *
 * @param attack Name of the attack.
 * @param dataset Name of a data set, or path of a folder of images.
 * @throws {Interrupted} when the signal is aborted.
 * @throws {LetheError} for whatever the command refuses, with the same message.
 */
export async function attackFolder(
  attack: string,
  dataset: string,
  options: JobOptions = {},
): Promise<AttackFileResult> {
  if (options.settings?.gallery !== undefined) {
    throw new UsageError("cannot draw a gallery here: that is for the command attack");
  }
  const flags = givenSettings("attack", { ...options.settings, newAttack: attack, dataset });
  const { exportPoisoned } = flags;
  const { out, model, poisoned } = await attackJob(
    contextOf(options),
    await attackSettings(flags),
    {
      ...options.out === undefined ? {} : { out: options.out },
      ...exportPoisoned === undefined ? {} : { exportPoisoned },
    },
    undefined,
  );
  return { out, model: `${out}/model.safetensors`, evaluation: model, poisoned };
}

function eraseResult(
  { out, record, verdict }: Pick<EraseResult, "out" | "record" | "verdict">,
): EraseResult {
  return { out, model: `${out}/student.safetensors`, record, verdict };
}

function contextOf({ signal, watcher = SILENT }: JobOptions): JobContext {
  return { output: watcher, signal: signal ?? new AbortController().signal };
}
