/** `deno task sweep`: the cells of a plan, here or on a cluster, and one table of what they came to. */

import { basename, resolve } from "node:path";
import { Interrupted, LetheError, UsageError } from "../src/errors.ts";
import { readRegularFile } from "../src/formats/read_file.ts";
import { makeFolder } from "../src/formats/write_file.ts";
import { counted } from "../src/report/number_text.ts";
import { cellFolder, expectSameCells, readResult } from "../src/sweep/cell_folder.ts";
import { ExpectedTimes, type Timing } from "../src/sweep/expected_time.ts";
import { importResults } from "../src/sweep/import_results.ts";
import type { Flags } from "../src/settings/table.ts";
import { parsePlan, type Plan } from "../src/sweep/plan.ts";
import { type ReadyCell, readyCells } from "../src/sweep/ready_cells.ts";
import { resultsDocument, writeReport } from "../src/sweep/report_files.ts";
import { markdownReport } from "../src/sweep/report_markdown.ts";
import { reportParts } from "../src/sweep/report_tables.ts";
import { runCells } from "../src/sweep/run_cells.ts";
import { slurmScript, submitToSlurm } from "../src/sweep/slurm.ts";
import { readSweep } from "../src/sweep/sweep_report.ts";
import { duration } from "../src/jobs/results.ts";
import { chooseCells } from "./command_line/chosen_cells.ts";
import { type CommandContext, defineCommand } from "./command_line/command.ts";
import { CELL_PROGRAM, SWEEP_PROGRAM } from "./command_line/sweep_program.ts";
import { expectationText, watchSweep } from "./command_line/sweep_progress.ts";

/** Between two drawings of the progress line. */
const PROGRESS_MILLISECONDS = 1000;

/** Largest plan that is read, 16 MiB. */
const MAXIMUM_PLAN_BYTES = 2 ** 24;

/** A sweep that is about to run. */
interface Sweep {
  readonly plan: Plan;
  /** Path of the plan's file, as it was typed. */
  readonly path: string;
  readonly out: string;
  readonly cells: readonly ReadyCell[];
  /** Names of cells that have finished. */
  readonly done: ReadonlySet<string>;
  /** Of those that have finished here. */
  readonly timings: readonly Timing[];
  readonly flags: Flags<"sweep">;
}

/** Runs a plan. */
export const sweep = defineCommand({
  name: "sweep",
  summary:
    "Runs the cells of a plan, each a defence of a model in a process of its own, and writes " +
    "one table. The same command goes on with a sweep that was stopped, and adds the cells of a " +
    "plan that has grown; several of them on one folder share the work.",
  examples: [
    "studies/main_table.json --data ./data --workers 2",
    "studies/main_table.json --only 'badnets_*' --dry-run",
    "studies/main_table.json --engine slurm --wait",
    "studies/main_table.json --report",
    "studies/main_table.json --import elsewhere/results.json",
  ],
  argument: { name: "plan", help: "plan file: see studies/README.md" },
  async run(context, flags) {
    const { argument: path = "" } = context;
    if (flags.wait && flags.engine !== "slurm") {
      throw new UsageError("cannot use --wait without --engine slurm: a local sweep always waits");
    }
    const plan = parsePlan(
      await readRegularFile(path, { what: "the plan", limit: MAXIMUM_PLAN_BYTES }),
      path,
    );
    const out = resolve(flags.sweepOut ?? `runs/${basename(path).replace(/\.json$/, "")}`);
    if (flags.report) return await report(context, plan, path, out);
    const wanted = chooseCells(plan, flags.only);
    // An import takes over all that it has, so that the tables are whole, whatever is to run now.
    const needed = flags.import === undefined ? wanted : plan.cells;
    const ready = await readyCells(plan, needed, { path, data: flags.sweepData });
    const ids = new Set(wanted.map(({ id }) => id));
    await expectSameCells(out, ready.filter(({ id }) => ids.has(id)));
    if (flags.import !== undefined) await importInto(context, out, flags.import, ready);
    const cells = ready.filter(({ id }) => ids.has(id));
    const job = { plan, path, out, cells, ...await finishedOf(out, ready), flags };
    if (flags.dryRun) return listCells(context, job);
    context.output.line(expectationText(job, flags.workers ?? 1));
    await makeFolder(`${out}/cells`);
    await (flags.engine === "slurm" ? runOnSlurm : runHere)(context, job);
  },
});

async function importInto(
  { output }: CommandContext,
  out: string,
  file: string,
  cells: readonly ReadyCell[],
): Promise<void> {
  const { taken, left } = await importResults(file, out, cells);
  output.line(`${counted(taken.length, "cell")} taken over from ${file}`);
  for (const { id, why } of left) output.warning(`not taken over: ${id} (${why})`);
}

/** The cells that have finished, with those that were imported, and how long those made here took. */
async function finishedOf(
  out: string,
  cells: readonly ReadyCell[],
): Promise<Pick<Sweep, "done" | "timings">> {
  const done = new Set<string>();
  const timings: Timing[] = [];
  for (const cell of cells) {
    const result = await readResult(cellFolder(out, cell.id));
    if (result) done.add(cell.id);
    if (result && !result.imported) timings.push({ cell, seconds: result.run.seconds });
  }
  return { done, timings };
}

/** Runs the cells in processes of this machine. */
async function runHere({ output, signal }: CommandContext, sweep: Sweep): Promise<void> {
  const { plan, path, out, cells, flags } = sweep;
  const workers = flags.workers ?? 1;
  const progress = watchSweep(output, sweep, workers);
  const timer = setInterval(() => progress.draw(), PROGRESS_MILLISECONDS);
  const ends = await runCells(cells, {
    out,
    program: CELL_PROGRAM,
    workers,
    retries: flags.retries,
    owner: { host: Deno.hostname(), pid: Deno.pid },
    signal,
    onEvent: (cell, event) => progress.event(cell, event),
  });
  clearInterval(timer);
  if (ends.size < cells.length) {
    throw new Interrupted(`stopped; go on with the same command, which finds its cells in ${out}`);
  }
  await report({ output }, plan, path, out);
  const failed = [...ends].flatMap(([id, end]) => end.state === "failed" ? [{ id, ...end }] : []);
  for (const { id, message } of failed) output.warning(`${id}: ${message}`);
  if (failed.length > 0) {
    throw new LetheError(
      `${failed.length} of ${counted(cells.length, "cell")} failed; their logs are in ${out}/cells`,
    );
  }
}

/** Hands the cells that are not finished to Slurm. */
async function runOnSlurm({ output, signal }: CommandContext, sweep: Sweep): Promise<void> {
  const { plan, path, out, flags } = sweep;
  const job = jobArray(sweep);
  if (job.ids.length === 0) return await report({ output }, plan, path, out);
  const { id, succeeded } = await submitToSlurm(job, {
    wait: flags.wait ?? false,
    signal,
    onSubmitted: (id) =>
      output.line(
        `submitted job ${id} with ${
          counted(job.ids.length, "task")
        }; see them by squeue -j ${id}, ` +
          `end them by scancel ${id}`,
      ),
  });
  if (signal.aborted) throw new Interrupted(`stopped waiting; job ${id} goes on`);
  if (succeeded === undefined) {
    output.line("when it has ended: the same command with --report in place of --engine slurm");
    output.document({ job: id, cells: job.ids, out });
    return;
  }
  await report({ output }, plan, path, out);
  if (!succeeded) throw new LetheError(`some tasks of job ${id} failed: see ${out}/table.md`);
}

function jobArray({ path, out, cells, done, flags }: Sweep) {
  const data = flags.sweepData === undefined ? [] : ["--data", resolve(flags.sweepData)];
  return {
    name: `lethe-${basename(out)}`,
    out,
    ids: cells.map(({ id }) => id).filter((id) => !done.has(id)),
    program: [
      ...SWEEP_PROGRAM,
      resolve(path),
      "--out",
      out,
      ...data,
      "--retries",
      String(flags.retries),
      "--only",
    ],
    most: flags.workers,
  };
}

/** Says what would be run. */
function listCells({ output }: Pick<CommandContext, "output">, sweep: Sweep): void {
  const { cells, done, timings, out, flags } = sweep;
  const times = new ExpectedTimes(timings);
  const listed = cells.map((cell) => ({
    id: cell.id,
    finished: done.has(cell.id),
    expectedSeconds: times.of(cell) ?? null,
    flags: cell.flags,
  }));
  for (const { id, finished, expectedSeconds } of listed) {
    const time = expectedSeconds === null ? "not begun" : `about ${duration(expectedSeconds)}`;
    output.result(`${id}: ${finished ? "finished" : time}`);
  }
  if (flags.engine === "slurm") output.result(`\n${slurmScript(jobArray(sweep))}`);
  output.result(expectationText(sweep, flags.workers ?? 1));
  output.document({ cells: listed, out });
}

/** Writes the tables. */
async function report(
  { output }: Pick<CommandContext, "output">,
  plan: Plan,
  path: string,
  out: string,
): Promise<void> {
  const found = await readSweep(plan, out, basename(path));
  if (found.finished.length > 0) {
    await writeReport(out, found);
    output.result(`\n${markdownReport(found, reportParts(found))}`);
  }
  const finished = `${counted(found.finished.length, "cell")} finished`;
  const missing = found.unfinished.length === 0 ? "" : `, ${found.unfinished.length} missing`;
  output.line(`${finished}${missing}; tables: ${out}/table.md, .html, .csv`);
  output.document({ ...resultsDocument(found), out });
}
