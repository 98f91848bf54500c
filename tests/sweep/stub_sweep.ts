/**
 * A sweep of stub cells in a process of its own, to be killed: `stub_sweep.ts OUT [CELL]`. With a
 * cell's name it runs that one alone, as a task of Slurm does; `slurm` as the name submits all.
 */

import { parsePlan } from "../../src/sweep/plan.ts";
import { writeReport } from "../../src/sweep/report_files.ts";
import { runCells } from "../../src/sweep/run_cells.ts";
import { submitToSlurm } from "../../src/sweep/slurm.ts";
import { readSweep } from "../../src/sweep/sweep_report.ts";
import { STUB_PLAN, STUB_PROGRAM, STUB_SWEEP_PROGRAM, stubCells } from "./stubs.ts";

const [out = "", only] = Deno.args;
const plan = parsePlan(new TextEncoder().encode(JSON.stringify(STUB_PLAN)), "stub.json");
const interrupt = new AbortController();
Deno.addSignalListener("SIGINT", () => interrupt.abort());
if (only === "slurm") {
  const { succeeded } = await submitToSlurm({
    name: "lethe-test",
    out,
    ids: plan.cells.map(({ id }) => id),
    program: [...STUB_SWEEP_PROGRAM, out],
    most: 2,
  }, {
    wait: true,
    signal: interrupt.signal,
    onSubmitted: (id) => console.log(`job ${id}`),
  });
  if (!succeeded) Deno.exit(1);
} else {
  const cells = stubCells(plan, `${out}/journal`).filter(({ id }) => !only || id === only);
  const ends = await runCells(cells, {
    out,
    program: STUB_PROGRAM,
    workers: 2,
    retries: 2,
    owner: { host: "test-host", pid: Deno.pid },
    signal: interrupt.signal,
    heartbeat: { milliseconds: 100, staleMilliseconds: 3000 },
    pollMilliseconds: 100,
  });
  if (ends.size < cells.length) Deno.exit(3);
}
await writeReport(out, await readSweep(plan, out, "stub.json"));
Deno.exit(0);
