/** Cells in processes of their own: retries, resumes, failures, interruptions. */

import assert from "node:assert/strict";
import { readAttempts } from "../../src/sweep/attempts.ts";
import { cellFolder } from "../../src/sweep/cell_folder.ts";
import {
  type CellEnd,
  type CellEvent,
  runCells,
  type RunnableCell,
} from "../../src/sweep/run_cells.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { recordText, resultOf } from "./results.ts";
import { countJournal, STUB_PROGRAM, stubCell } from "./stubs.ts";

interface Run {
  readonly ends: Map<string, CellEnd>;
  readonly events: { id: string; event: CellEvent }[];
}

async function run(
  out: string,
  cells: readonly RunnableCell[],
  options: {
    signal?: AbortSignal;
    program?: readonly string[];
    onEvent?: (event: CellEvent) => void;
  } = {},
): Promise<Run> {
  const events: Run["events"] = [];
  const ends = await runCells(cells, {
    out,
    program: options.program ?? STUB_PROGRAM,
    workers: 2,
    retries: 2,
    owner: { host: "here", pid: Deno.pid },
    signal: options.signal ?? new AbortController().signal,
    heartbeat: { milliseconds: 100, staleMilliseconds: 60_000 },
    pollMilliseconds: 50,
    onEvent(cell, event) {
      events.push({ id: cell.id, event });
      options.onEvent?.(event);
    },
  });
  return { ends, events };
}

/** What became of the attempts at a cell. */
async function outcomes(out: string, id: string): Promise<unknown[]> {
  const attempts = await readAttempts(cellFolder(out, id));
  return attempts.map(({ record }) => [record?.ended?.outcome, record?.ended?.resumed]);
}

Deno.test("runCells() runs each cell once and leaves its settings, log and result", async () => {
  await withTemporaryFolder(async (out) => {
    const journal = `${out}/journal`;
    const cells = ["a", "b", "c"].map((id) => stubCell(id, journal));
    const { ends } = await run(out, cells);
    assert.deepEqual([...ends.values()].map(({ state }) => state), Array(3).fill("finished"));
    const again = await run(out, cells);
    assert.deepEqual(
      again.events.map(({ event }) => event.kind),
      Array(3).fill("ended"),
      "finished cells are not started again",
    );
    const counts = await countJournal(journal);
    for (const id of ["a", "b", "c"]) {
      assert.equal(counts.get(`begin ${id}`), 1);
      assert.deepEqual(await outcomes(out, id), [["finished", false]]);
    }
    const record = JSON.parse(await Deno.readTextFile(`${out}/cells/a/cell.json`));
    assert.deepEqual(record, cells[0]);
    assert.match(
      await Deno.readTextFile(`${out}/cells/a/log.txt`),
      /^--- attempt 1.*\nsome output/,
    );
  });
});

Deno.test("runCells() retries a failed cell in its run folder", async () => {
  await withTemporaryFolder(async (out) => {
    const journal = `${out}/journal`;
    const { ends, events } = await run(out, [stubCell("a", journal, { fail: "once" })]);
    assert.equal(ends.get("a")?.state, "finished");
    assert.deepEqual(await outcomes(out, "a"), [["failed", false], ["finished", true]]);
    assert.equal((await countJournal(journal)).get("step a"), 5, "steps are not done twice");
    const failure = events.find(({ event }) => event.kind === "failed")?.event;
    assert.deepEqual(failure, { kind: "failed", message: "it fails once" });
  });
});

Deno.test("runCells() begins anew where a resume fails too", async () => {
  await withTemporaryFolder(async (out) => {
    const cell = stubCell("a", `${out}/journal`, { fail: "resumed" });
    const { ends } = await run(out, [cell]);
    assert.equal(ends.get("a")?.state, "finished");
    assert.deepEqual(
      await outcomes(out, "a"),
      [["failed", false], ["failed", true], ["finished", false]],
    );
  });
});

Deno.test("runCells() gives a cell up after its retries, and the others go on", async () => {
  await withTemporaryFolder(async (out) => {
    const journal = `${out}/journal`;
    const cells = [
      stubCell("a", journal, { fail: "always" }),
      stubCell("b", journal, { fail: "usage" }),
      stubCell("c", journal),
    ];
    const { ends } = await run(out, cells);
    assert.deepEqual(ends.get("a"), { state: "failed", message: "it always fails" });
    assert.deepEqual(ends.get("b"), { state: "failed", message: "it was called in a wrong way" });
    assert.equal(ends.get("c")?.state, "finished");
    const counts = await countJournal(journal);
    assert.equal(counts.get("begin a"), 3);
    assert.equal(counts.get("begin b"), 1, "wrong usage stays wrong");
  });
});

Deno.test("runCells() tries a given-up cell again when it is started again", async () => {
  await withTemporaryFolder(async (out) => {
    const needs = `${out}/needed`;
    const cell = stubCell("a", `${out}/journal`, { fail: "file", needs });
    assert.equal((await run(out, [cell])).ends.get("a")?.state, "failed");
    await Deno.writeTextFile(needs, "");
    assert.equal((await run(out, [cell])).ends.get("a")?.state, "finished");
  });
});

Deno.test("runCells() passes an interruption on and goes on from there", async () => {
  await withTemporaryFolder(async (out) => {
    const journal = `${out}/journal`;
    const interrupt = new AbortController();
    const cell = stubCell("a", journal, { milliseconds: 100 });
    const waiting = stubCell("b", journal, { milliseconds: 100 });
    const timer = setInterval(async () => {
      if ((await countJournal(journal)).has("step a")) interrupt.abort();
    }, 20);
    const stopped = await runCells([cell, waiting], {
      out,
      program: STUB_PROGRAM,
      workers: 1,
      retries: 0,
      owner: { host: "here", pid: Deno.pid },
      signal: interrupt.signal,
    });
    clearInterval(timer);
    assert.equal(stopped.size, 0);
    const counts = await countJournal(journal);
    assert.equal(counts.get("stop a"), 1, "the cell was asked to stop, once");
    assert.equal(counts.get("begin b"), undefined);
    assert.deepEqual(await outcomes(out, "a"), [["interrupted", false]]);
    const { ends } = await run(out, [cell, waiting]);
    assert.deepEqual([...ends.keys()].sort(), ["a", "b"]);
    assert.equal((await countJournal(journal)).get("step a"), 5);
  });
});

Deno.test("runCells() reports a program that cannot be started", async () => {
  await withTemporaryFolder(async (out) => {
    const program = ["deno", "run", "--quiet", "no_such_file.ts"];
    const { ends } = await run(out, [stubCell("a", "")], { program });
    const end = ends.get("a");
    assert.ok(end?.state === "failed");
    assert.match(end.message, /Module not found/);
  });
});

Deno.test("runCells() refuses a run whose record has no results", async () => {
  await withTemporaryFolder(async (out) => {
    await Deno.mkdir(`${out}/cells/a/run`, { recursive: true });
    const record = { ...JSON.parse(recordText(resultOf([1], [1]))), results: {} };
    await Deno.writeTextFile(`${out}/cells/a/run/run.json`, JSON.stringify(record));
    const end = (await run(out, [stubCell("a", "")])).ends.get("a");
    assert.ok(end?.state === "failed");
    assert.match(
      end.message,
      /cells\/a\/run: its run\.json lacks the results "before" and "after"$/,
    );
  });
});

Deno.test("runCells() hands the runs of finished cells to others of their model, damaged ones to none", async () => {
  await withTemporaryFolder(async (out) => {
    const journal = `${out}/journal`;
    const alike = (id: string, model = "m") => ({
      ...stubCell(id, journal),
      identity: { id, model },
    });
    const flagsOf = async (id: string) =>
      JSON.parse(await Deno.readTextFile(`${out}/cells/${id}/run/run.json`)).flags;
    const [damaged, first, second] = [alike("damaged"), alike("first"), alike("second")];
    await Deno.mkdir(`${out}/cells/damaged/run`, { recursive: true });
    await Deno.writeTextFile(`${out}/cells/damaged/run/run.json`, '{ "finished": true }');
    const { ends } = await run(out, [damaged, first]);
    assert.deepEqual([...ends.values()].map(({ state }) => state).sort(), ["failed", "finished"]);
    assert.equal((await flagsOf("first")).before, undefined);
    const runOf = (id: string) => `${out}/cells/${id}/run`;
    await run(out, [damaged, second, alike("stranger", "n")]);
    assert.equal((await flagsOf("second")).before, runOf("first"), "no matter what is asked for");
    assert.equal((await flagsOf("stranger")).before, undefined);
    await run(out, [alike("third")]);
    assert.equal((await flagsOf("third")).before, `${runOf("first")} ${runOf("second")}`);
  });
});
