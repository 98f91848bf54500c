/** Takes over cells that another sweep has finished, perhaps elsewhere, from its `results.json`. */

import { isDeepStrictEqual } from "node:util";
import { readTextFile } from "../formats/read_file.ts";
import { makeFolder, writeFileAtomic } from "../formats/write_file.ts";
import { evaluation } from "../runs/evaluation.ts";
import { encodeRecord } from "../runs/run_record.ts";
import { check, list, number, object, optional, type Schema, text } from "../runs/schema.ts";
import { parseJson } from "../formats/json.ts";
import { shown } from "../text/quoted.ts";
import { VERSION } from "../version.ts";
import {
  cellFolder,
  readCellRecord,
  runPath,
  settingsSchema,
  writeCellRecord,
} from "./cell_folder.ts";
import type { ResultRow } from "./report_files.ts";
import type { RunnableCell } from "./run_cells.ts";

/** What came of an import. */
export interface ImportedResults {
  /** Cells that were taken over. */
  readonly taken: readonly string[];
  /** Cells of the plan that were left, and why. */
  readonly left: readonly { readonly id: string; readonly why: string }[];
}

/**
 * Puts the results of `file` into the sweep in `out`, for cells that it has not begun: a record
 * without the model, which stays where it was made.
 *
 * @param file A `results.json`. Rows of other plans are passed over, rows with other settings, other
 * networks or of another version of this program are left.
 * @throws {FormatError} where the file cannot be read or holds no results.
 */
export async function importResults(
  file: string,
  out: string,
  cells: readonly RunnableCell[],
): Promise<ImportedResults> {
  const rows = new Map((await readRows(file)).map((row) => [row.id, row]));
  const taken: string[] = [];
  const left: { id: string; why: string }[] = [];
  for (const cell of cells) {
    const { id, digest, identity, flags } = cell;
    const row = rows.get(id);
    const folder = cellFolder(out, id);
    if (!row || await readCellRecord(folder)) continue;
    if (!isDeepStrictEqual(row.settings, identity)) {
      left.push({ id, why: "other settings or networks" });
    } else if (row.lethe !== VERSION) {
      left.push({ id, why: `made by version ${row.lethe}` });
    } else {
      await makeFolder(runPath(folder));
      await writeRecord(`${runPath(folder)}/run.json`, row);
      await writeCellRecord(folder, { id, digest, identity, flags });
      taken.push(id);
    }
  }
  return { taken, left };
}

/** Largest `results.json` that is read, 256 MiB. */
const MAXIMUM_RESULTS_BYTES = 2 ** 28;

/** What is taken over of a row. */
type ImportedRow = Pick<
  ResultRow,
  "id" | "before" | "after" | "teacher" | "settings" | "adapter" | "lethe" | "started" | "seconds"
>;

const rowSchema: Schema<ImportedRow> = object<ImportedRow>({
  id: text,
  before: evaluation,
  after: evaluation,
  teacher: optional(evaluation),
  settings: settingsSchema,
  adapter: text,
  lethe: text,
  started: text,
  seconds: number(0),
});

/** Most rows that a document may have: as many as a plan has cells, and some. */
const MOST_ROWS = 100_000;

async function readRows(file: string): Promise<readonly ImportedRow[]> {
  const json = await readTextFile(file, { what: "the results in", limit: MAXIMUM_RESULTS_BYTES });
  const value = parseJson(json, `cannot read the results in ${shown(file)}`);
  const schema = object<{ rows: readonly ImportedRow[] }>({ rows: list(rowSchema, MOST_ROWS) });
  return check(schema, value, `cannot use the results in ${shown(file)}`).rows;
}

/** As the process of the cell would have ended its record. */
async function writeRecord(path: string, row: ImportedRow): Promise<void> {
  const { before, after, teacher, settings, adapter, lethe, started, seconds } = row;
  const record = await encodeRecord({
    command: "defend",
    adapter,
    settings,
    lethe,
    deno: "",
    started,
    finished: true,
    seconds,
    imported: true,
    results: { before, after, ...teacher ? { teacher } : {} },
  });
  await writeFileAtomic(path, new TextEncoder().encode(record));
}
