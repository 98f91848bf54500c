/** Runs cells to their ends: each in a process of its own, a few at a time, with retries. */

import { LetheError, messageOf } from "../errors.ts";
import {
  type Claim,
  claimCell,
  DeathWatch,
  HEARTBEAT,
  type Heartbeat,
  readAttempts,
} from "./attempts.ts";
import {
  cellFolder,
  type CellResult,
  hasRun,
  logPath,
  readCellRecord,
  readResult,
  runPath,
  writeCellRecord,
} from "./cell_folder.ts";
import { writeFailure } from "../formats/write_file.ts";
import { runCellProcess } from "./cell_process.ts";
import type { Settings } from "../settings/plan.ts";

/** What is needed of a cell to run it. */
export interface RunnableCell {
  /** Name of its folder. */
  readonly id: string;
  /** Of {@linkcode identity}. */
  readonly digest: string;
  /** What determines its result. */
  readonly identity: Settings;
  /** Arguments of the program, all but where the run goes. */
  readonly flags: readonly string[];
}

/** How a cell ended. */
export type CellEnd =
  | { readonly state: "finished"; readonly result: CellResult }
  | { readonly state: "failed"; readonly message: string };

/** What happens to a cell. */
export type CellEvent =
  | { readonly kind: "started"; readonly attempt: number; readonly resumed: boolean }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "elsewhere" }
  | CellEnd & { readonly kind: "ended" };

/** How cells are run. */
export interface RunCellsOptions<C extends RunnableCell> {
  /** Folder of the sweep. */
  readonly out: string;
  /**
   * A program and its first arguments; it takes `--out DIR`, `--resume DIR` and any number of
   * `--before DIR` as `defend` does.
   */
  readonly program: readonly string[];
  /** Cells at one time. */
  readonly workers: number;
  /** Attempts after a failed one. */
  readonly retries: number;
  /** This machine and process. */
  readonly owner: { readonly host: string; readonly pid: number };
  /** Asks the cells to stop, and starts no other. */
  readonly signal: AbortSignal;
  /** Default: {@linkcode HEARTBEAT}. */
  readonly heartbeat?: Heartbeat;
  /** Between looks at a cell that another sweep runs. Default: 2,000. */
  readonly pollMilliseconds?: number;
  /** Told what happens. */
  onEvent?(cell: C, event: CellEvent): void;
}

/** A cell on its way. */
interface Task<C> {
  readonly cell: C;
  readonly folder: string;
  /** Attempts that there were before this sweep began; their failures are forgiven. */
  readonly earlier: number;
  /** Not looked at before this time, milliseconds. */
  readonly notBefore: number;
}

/** Exit code of a program that was called in a wrong way: calling it again would not help. */
const WRONG_USAGE = 2;

/**
 * Runs all cells that are not finished, and waits for those that another sweep on the same folder is
 * running. An attempt that fails is made again in the run folder that it left, and after a second
 * failure in an empty one.
 *
 * @returns How each cell ended, by name; after an interruption some are missing.
 */
export async function runCells<C extends RunnableCell>(
  cells: readonly C[],
  options: RunCellsOptions<C>,
): Promise<Map<string, CellEnd>> {
  const { out, workers, signal, heartbeat = HEARTBEAT, pollMilliseconds = 2000 } = options;
  const watch = new DeathWatch(options.owner.host, heartbeat.staleMilliseconds);
  const finished = new FinishedRuns(out);
  const ends = new Map<string, CellEnd>();
  const queue: Task<C>[] = await Promise.all(cells.map(async (cell) => {
    const folder = cellFolder(out, cell.id);
    const earlier = (await readAttempts(folder)).at(-1)?.number ?? 0;
    return { cell, folder, earlier, notBefore: 0 };
  }));

  /** Brings a cell as far as it goes now; undefined where it is to be looked at again. */
  const advance = async (task: Task<C>): Promise<CellEnd | undefined> => {
    const { cell, folder } = task;
    const result = await readResult(folder);
    if (result) return { state: "finished", result };
    const failures = (await readAttempts(folder))
      .filter(({ number }) => number > task.earlier)
      .flatMap(({ record }) => record?.ended?.outcome === "failed" ? [record.ended] : []);
    const last = failures.at(-1);
    if (last && (failures.length > options.retries || last.exitCode === WRONG_USAGE)) {
      return { state: "failed", message: last.message ?? "failed" };
    }
    const claim = await claimCell(folder, options.owner, { watch, heartbeat });
    if (!claim) {
      options.onEvent?.(cell, { kind: "elsewhere" });
      return undefined;
    }
    await attempt(cell, folder, claim, finished, options);
    return signal.aborted ? undefined : await advance(task);
  };

  const work = async () => {
    while (!signal.aborted && queue.length > 0) {
      const next = queue.findIndex(({ notBefore }) => notBefore <= performance.now());
      if (next < 0) {
        await delay(pollMilliseconds / 4, signal);
        continue;
      }
      const [task] = queue.splice(next, 1);
      const end = await advance(task!).catch(failedBy);
      if (end) {
        ends.set(task!.cell.id, end);
        options.onEvent?.(task!.cell, { kind: "ended", ...end });
      } else {
        queue.push({ ...task!, notBefore: performance.now() + pollMilliseconds });
      }
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return ends;
}

/** Makes one attempt at a claimed cell, and gives it back. */
async function attempt<C extends RunnableCell>(
  cell: C,
  folder: string,
  claim: Claim,
  finished: FinishedRuns,
  options: RunCellsOptions<C>,
): Promise<void> {
  const { program, signal, onEvent } = options;
  const run = runPath(folder);
  let resumed = false;
  try {
    // Whoever had the cell before may have finished it since it was looked at.
    if (await readResult(folder)) return await claim.end({ outcome: "finished", resumed });
    const { id, digest, identity, flags } = cell;
    await writeCellRecord(folder, { id, digest, identity, flags });
    const { previous } = claim;
    if (previous?.outcome === "failed" && previous.resumed) {
      await Deno.remove(run, { recursive: true }).catch((error) => {
        throw writeFailure(run, error);
      });
    }
    resumed = await hasRun(folder);
    onEvent?.(cell, { kind: "started", attempt: claim.number, resumed });
    const earlier = resumed ? [] : await finished.of(cell);
    const before = earlier.flatMap((path) => ["--before", path]);
    const { exitCode, message } = await runCellProcess(
      [...program, ...resumed ? ["--resume", run] : [...flags, ...before, "--out", run]],
      {
        lock: `${folder}/process.lock`,
        log: logPath(folder),
        heading: `--- attempt ${claim.number}, ${new Date().toISOString()}`,
        stop: signal,
        kill: claim.lost,
      },
    );
    if (exitCode === 0 && await readResult(folder)) {
      return await claim.end({ outcome: "finished", resumed, exitCode });
    }
    if (signal.aborted || claim.lost.aborted) {
      return await claim.end({ outcome: "interrupted", resumed, exitCode });
    }
    const reason = exitCode === 0 ? "it ended without a result" : message;
    await claim.end({ outcome: "failed", resumed, exitCode, message: reason });
    onEvent?.(cell, { kind: "failed", message: reason });
  } catch (error) {
    const message = messageOf(error);
    await claim.end({ outcome: "failed", resumed, message });
    if (!(error instanceof LetheError)) throw error;
  }
}

/** The runs of finished cells, which have measured their model and perhaps finetuned a copy of it. */
class FinishedRuns {
  readonly #out: string;
  /** What is known of a cell that has finished: that does not change. */
  readonly #known = new Map<string, { readonly model: unknown; readonly imported: boolean }>();

  constructor(out: string) {
    this.#out = out;
  }

  /**
   * Run folders of finished cells of the same model as `cell`. One that cannot be read is passed over:
   * what is wrong with it is that cell's own matter.
   */
  async of({ identity: { model } }: RunnableCell): Promise<string[]> {
    if (model === undefined) return [];
    const runs: string[] = [];
    for await (const { name } of Deno.readDir(`${this.#out}/cells`)) {
      const found = this.#known.get(name) ?? await this.#read(name).catch(nothingOf);
      if (!found) continue;
      this.#known.set(name, found);
      if (found.model === model && !found.imported) {
        runs.push(runPath(cellFolder(this.#out, name)));
      }
    }
    return runs.sort();
  }

  async #read(name: string) {
    const folder = cellFolder(this.#out, name);
    const record = await readCellRecord(folder);
    const result = record && await readResult(folder);
    return result && { model: record.identity.model, imported: result.imported ?? false };
  }
}

function nothingOf(error: unknown): undefined {
  if (!(error instanceof LetheError)) throw error;
}

function failedBy(error: unknown): CellEnd {
  if (!(error instanceof LetheError)) throw error;
  return { state: "failed", message: error.message };
}

/** Waits, or until the signal is aborted. */
async function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}
