/**
 * The folder of a cell: `cell.json` says what it is, `run/` is the run folder of the defence,
 * `log.txt` what the defence printed, `attempts/` who tried (`attempts.ts`), `process.lock` is held by
 * the process of the defence (`watch_parent.ts`).
 */

import { FormatError } from "../errors.ts";
import { writeFileAtomic } from "../formats/write_file.ts";
import { type EvaluationDocument, evaluationOf } from "../runs/evaluation.ts";
import { folderStore } from "../runs/folder_store.ts";
import { readRecord } from "../runs/run_files.ts";
import { expectIntact, type RunRecord } from "../runs/run_record.ts";
import {
  check,
  either,
  list,
  number,
  object,
  record,
  type Schema,
  text,
  truth,
} from "../runs/schema.ts";
import { parseJson } from "../formats/json.ts";
import { shown } from "../text/quoted.ts";
import type { Settings } from "../settings/plan.ts";

/** What a finished cell came to. */
export interface CellResult {
  /** Of the model as it came. */
  readonly before: EvaluationDocument;
  /** Of the cleaned model. */
  readonly after: EvaluationDocument;
  /** Of the teacher, where the defence has one. */
  readonly teacher?: EvaluationDocument;
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
  return await folderStore(runPath(cell)).read("run.json", MOST_BYTES) !== undefined;
}

/**
 * The result of a cell, or undefined where it is not finished.
 *
 * @throws {FormatError} where the run's record is damaged, or says that it is finished and has no
 * results.
 */
export async function readResult(cell: string): Promise<CellResult | undefined> {
  if (!await hasRun(cell)) return undefined;
  const attempt = `cannot use ${shown(runPath(cell))}`;
  const read = await readRecord(folderStore(runPath(cell)), attempt);
  if (!read.record.finished) return undefined;
  expectIntact(read, attempt);
  const { adapter, lethe, started, seconds, results, imported } = read.record;
  const [before, after, teacher] = [results.before, results.after, results.teacher].map(
    evaluationOf,
  );
  if (!before || !after) {
    throw new FormatError(`${attempt}: its run.json lacks the results "before" and "after"`);
  }
  return {
    before,
    after,
    ...teacher ? { teacher } : {},
    run: { adapter, lethe, started, seconds },
    ...imported ? { imported: true } : {},
  };
}

/** Most bytes of a record. */
const MOST_BYTES = 2 ** 26;

/** Settings as they stand in records and results. */
export const settingsSchema: Schema<Settings> = record(either(either(text, number()), truth));

const cellSchema: Schema<CellRecord> = object<CellRecord>({
  id: text,
  digest: text,
  identity: settingsSchema,
  flags: list(text, 1000),
});

/** `cell.json`, where the cell was begun. */
export async function readCellRecord(cell: string): Promise<CellRecord | undefined> {
  const bytes = await folderStore(cell).read("cell.json", MOST_BYTES);
  if (!bytes) return undefined;
  const attempt = `cannot use ${shown(cell)}/cell.json`;
  return check(cellSchema, parseJson(new TextDecoder().decode(bytes), attempt), attempt);
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
