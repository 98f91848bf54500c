/** Starts sweeps of stub cells and looks at what they left. */

import assert from "node:assert/strict";
import { countJournal, STUB_SWEEP_PROGRAM } from "./stubs.ts";

/** Starts a sweep of all cells of `STUB_PLAN` in the folder `out`. */
export function startSweep(
  out: string,
  options: { slurm?: boolean; env?: Readonly<Record<string, string>> } = {},
): Deno.ChildProcess {
  const [command, ...args] = STUB_SWEEP_PROGRAM;
  return new Deno.Command(command!, {
    args: [...args, out, ...options.slurm ? ["slurm"] : []],
    env: { ...options.env },
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
}

/** The tables that a sweep has written, without the days on which cells ran. */
export async function tables(out: string): Promise<string[]> {
  const read = async (name: string) =>
    (await Deno.readTextFile(`${out}/${name}`)).replaceAll(/Run on .*\(UTC\)\./g, "");
  return [await read("table.md"), await read("table.csv"), await read("table.html")];
}

/** The tables of a sweep that nothing disturbs. */
export async function undisturbedTables(folder: string): Promise<string[]> {
  const out = `${folder}/undisturbed`;
  await Deno.mkdir(out);
  assert.equal((await startSweep(out).status).code, 0);
  const found = await tables(out);
  assert.match(found[0]!, /\| stub +\| nad +\| 4 /);
  return found;
}

/** Waits until the journal has `more` further lines, or until `ended` says that none will come. */
export async function awaitJournal(
  out: string,
  more: number,
  ended: () => boolean = () => false,
): Promise<void> {
  const goal = await journalLength(out) + more;
  while (!ended() && await journalLength(out) < goal) {
    await new Promise((done) => setTimeout(done, 10));
  }
}

async function journalLength(out: string): Promise<number> {
  return [...(await countJournal(`${out}/journal`)).values()].reduce((sum, n) => sum + n, 0);
}

/** Asserts that no two processes had one cell at the same time. */
export async function assertNoneAtOnce(out: string): Promise<void> {
  const lines = [...(await countJournal(`${out}/journal`)).keys()];
  assert.deepEqual(lines.filter((line) => line.startsWith("overlap")), []);
}
