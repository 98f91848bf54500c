/**
 * The folder of a cell: `cell.json` says what it is, `run/` is the run folder of the defence,
 * `log.txt` what the defence printed, `attempts/` who tried (`attempts.ts`), `process.lock` is held by
 * the process of the defence (`watch_parent.ts`).
 */

import { FormatError, messageOf } from "../errors.ts";
import { writeFileAtomic } from "../formats/write_file.ts";
import type { AttackCounts, Share } from "../train/confusion.ts";
import type { RunRecord } from "../train/run_folder.ts";
import type { Settings } from "./plan_file.ts";

/** An evaluation in a run's record, as `evaluate --json` prints it. */
export interface CellEvaluation {
  /** Test images. */
  readonly samples: number;
  /** Those classified rightly. */
  readonly correct: number;
  /** Over all test images. */
  readonly accuracy: Share;
  /** Where an attack is measured. */
  readonly attack?: { readonly name: string } & AttackCounts;
}

/** What a finished cell came to. */
export interface CellResult {
  /** Of the model as it came. */
  readonly before: CellEvaluation;
  /** Of the cleaned model. */
  readonly after: CellEvaluation;
  /** Of the teacher, where the defence has one. */
  readonly teacher?: CellEvaluation;
  /** Where, when and how long. */
  readonly run: Pick<RunRecord, "adapter" | "lethe" | "started" | "seconds">;
  /** True where the cell ran elsewhere: the folder has its results, and no more. */
  readonly imported?: true;
}

/** What `cell.json` holds. */
export interface CellRecord {
  /** Name of the cell. */
  readonly id: string;
  /** Of {@linkcode identity}. */
  readonly digest: string;
  /** Settings, and digests of the networks. */
  readonly identity: Settings;
  /** The command that made the cell, without the run folder. */
  readonly flags: readonly string[];
}

/** Where a cell of the sweep in `out` lies. */
export function cellFolder(out: string, id: string): string {
  return `${out}/cells/${id}`;
}

/** The run folder in the folder of a cell. */
export function runPath(cell: string): string {
  return `${cell}/run`;
}

/** What the cell's processes printed. */
export function logPath(cell: string): string {
  return `${cell}/log.txt`;
}

/** Whether there is a run to take up. */
export async function hasRun(cell: string): Promise<boolean> {
  return await readJson(`${runPath(cell)}/run.json`) !== undefined;
}

/**
 * The result of a cell, or undefined where it is not finished.
 *
 * @throws {FormatError} where the run's record says that it is finished and has no results.
 */
export async function readResult(cell: string): Promise<CellResult | undefined> {
  const path = `${runPath(cell)}/run.json`;
  const record = await readJson(path) as
    | Partial<RunRecord & { imported: true }>
    | null
    | undefined;
  if (record?.finished !== true) return undefined;
  const { before, after, teacher } = record.results ?? {};
  const { adapter = "", lethe = "", started = "", seconds = 0, imported } = record;
  if (!isEvaluation(before) || !isEvaluation(after)) {
    throw new FormatError(`cannot use ${path}: it lacks the results "before" and "after"`);
  }
  return {
    before,
    after,
    ...isEvaluation(teacher) ? { teacher } : {},
    run: { adapter, lethe, started, seconds },
    ...imported ? { imported } : {},
  };
}

/** Whether `value` has what a report needs of an evaluation. */
export function isEvaluation(value: unknown): value is CellEvaluation {
  if (typeof value !== "object" || value === null) return false;
  const { accuracy, attack } = value as Partial<CellEvaluation>;
  const isShare = (share: unknown) => share === null || Number.isFinite(share);
  return isShare(accuracy) && (attack === undefined ||
    [attack?.successRate, attack?.recoveredAccuracy].every(isShare));
}

/** `cell.json`, where the cell was begun. */
export async function readCellRecord(cell: string): Promise<CellRecord | undefined> {
  const path = `${cell}/cell.json`;
  const record = await readJson(path) as CellRecord | undefined;
  if (record !== undefined && (typeof record?.identity !== "object" || record.identity === null)) {
    throw new FormatError(`cannot use ${path}: it is no record of a cell`);
  }
  return record;
}

/** Writes `cell.json`. */
export async function writeCellRecord(cell: string, record: CellRecord): Promise<void> {
  const text = JSON.stringify(record, null, 2) + "\n";
  await writeFileAtomic(`${cell}/cell.json`, new TextEncoder().encode(text));
}

/**
 * Refuses a folder whose cells were begun with other settings or other networks under the same
 * names.
 *
 * @throws {FormatError} naming the cell and the keys.
 */
export async function expectSameCells(
  out: string,
  cells: readonly { readonly id: string; readonly identity: Settings }[],
): Promise<void> {
  for (const { id, identity } of cells) {
    const folder = cellFolder(out, id);
    const found = (await readCellRecord(folder))?.identity;
    if (found === undefined) continue;
    const keys = [...new Set([...Object.keys(found), ...Object.keys(identity)])]
      .filter((key) => found[key] !== identity[key]);
    if (keys.length === 0) continue;
    const changes = keys.map((key) => `${key} was ${found[key]}, is ${identity[key]}`).join("; ");
    throw new FormatError(
      `cannot go on with cell ${id}: it was begun with other settings (${changes}); ` +
        `remove ${folder} to begin it anew, or choose another --out`,
    );
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    const reason = messageOf(error);
    throw new FormatError(`cannot read ${path}: ${reason}`, { cause: error });
  }
}
