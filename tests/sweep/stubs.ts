/** Sweeps of stub cells, which take moments and no GPU. */

import { fileURLToPath } from "node:url";
import type { Plan } from "../../src/sweep/plan.ts";
import type { PlanFile } from "../../src/sweep/plan_file.ts";
import type { RunnableCell } from "../../src/sweep/run_cells.ts";

const program = (name: string, run: string) => [
  "deno",
  "run",
  "--quiet",
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  `--allow-run=${run}`,
  fileURLToPath(new URL(name, import.meta.url)),
];

/** The program of a stub cell; takes flags as `defend` does, and some of its own. */
export const STUB_PROGRAM: readonly string[] = program("stub_cell.ts", "deno");

/** The program of a sweep of {@linkcode STUB_PLAN}. */
export const STUB_SWEEP_PROGRAM: readonly string[] = program("stub_sweep.ts", "deno,sbatch");

/** Eight cells: two defences, four seeds. */
export const STUB_PLAN: PlanFile = {
  title: "Stubs",
  models: { stub: { model: "stub.safetensors", dataset: "signs", attack: "badnets" } },
  defaults: { model: "stub", seed: [1, 2, 3, 4] },
  cells: [{ defense: "finetune" }, { defense: "nad" }],
};

/** A cell that the stub program runs; `more` are flags of the stub. */
export function stubCell(
  id: string,
  journal: string,
  more: Readonly<Record<string, string | number>> = {},
): RunnableCell {
  const flags = { id, journal, ...more };
  return {
    id,
    digest: id,
    identity: { id },
    flags: Object.entries(flags).map(([key, value]) => `--${key}=${value}`),
  };
}

/** The cells of a plan as stubs that write into one journal. */
export function stubCells(plan: Plan, journal: string): RunnableCell[] {
  return plan.cells.map(({ id, settings }) =>
    stubCell(id, journal, { defense: settings.defense, seed: settings.seed })
  );
}

/** How often each line stands in a journal, for example `finish CELL`. */
export async function countJournal(journal: string): Promise<Map<string, number>> {
  const text = await Deno.readTextFile(journal).catch(() => "");
  const counts = new Map<string, number>();
  for (const line of text.split("\n").filter((line) => line !== "")) {
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return counts;
}
