/** Hands cells to Slurm: one job array, one task a cell. https://slurm.schedmd.com/sbatch.html */

import { LetheError } from "../errors.ts";
import { writeFileAtomic } from "../formats/write_file.ts";
import { shellQuoted } from "../text/shell.ts";
import { shown } from "../text/quoted.ts";
import { cellFolder } from "./cell_folder.ts";
import { signalProcess } from "./signal_process.ts";

/** What a job array is made of. */
export interface JobArray {
  /** Of the job, as `squeue` shows it. */
  readonly name: string;
  /** Absolute path of the sweep's folder. */
  readonly out: string;
  /** Names of cells; each is one task. */
  readonly ids: readonly string[];
  /** Program and arguments of a task, to which the cell's name is added. Paths are absolute. */
  readonly program: readonly string[];
  /** Tasks at one time; all that there is room for, unless given. */
  readonly most?: number | undefined;
}

/**
 * The script of a job array. A task that is put back into the queue, after a failure of its node or
 * by a scheduler that needed its place, goes on with its cell's run folder. Everything that Slurm
 * itself can be told (partition, time, GPUs) is left to its `SBATCH_*` variables.
 */
export function slurmScript({ name, out, ids, program, most }: JobArray): string {
  const limit = most === undefined ? "" : `%${most}`;
  return `#!/bin/sh
# Made by Lethe; one task of the array is one cell of the sweep.
#SBATCH --job-name=${name.replace(/[^A-Za-z0-9._-]/g, "-")}
#SBATCH --array=0-${ids.length - 1}${limit}
#SBATCH --requeue
#SBATCH --output=/dev/null
set -eu
set -- \\
${ids.map((id) => `  ${shellQuoted(id)}`).join(" \\\n")}
shift "$SLURM_ARRAY_TASK_ID"
cell=$1
folder=${shellQuoted(cellFolder(out, ""))}$cell
mkdir -p "$folder"
exec >>"$folder/slurm.log" 2>&1
echo "--- job \${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID on $(hostname), restart \${SLURM_RESTART_COUNT:-0}"
exec ${program.map(shellQuoted).join(" ")} "$cell"
`;
}

/** A submitted job array. */
export interface SubmittedJob {
  /** Its number, as `squeue` takes it. */
  readonly id: string;
  /** Whether all tasks have ended well; undefined where nobody waited. */
  readonly succeeded: boolean | undefined;
}

/**
 * Writes the script to `OUT/slurm.sh` and submits it by `sbatch`.
 *
 * @param options.wait Until all tasks have ended.
 * @param options.signal Ends the waiting, not the job.
 * @param options.onSubmitted Told the job's number before the waiting begins.
 * @param options.program A program and its first arguments. Default: `sbatch`.
 * @throws {LetheError} where `sbatch` is missing or refuses the job.
 */
export async function submitToSlurm(
  job: JobArray,
  options: {
    readonly wait: boolean;
    readonly signal: AbortSignal;
    onSubmitted(id: string): void;
    readonly program?: readonly string[];
  },
): Promise<SubmittedJob> {
  const script = `${job.out}/slurm.sh`;
  await writeFileAtomic(script, new TextEncoder().encode(slurmScript(job)));
  const child = start(options.program ?? ["sbatch"], [
    "--parsable",
    ...options.wait ? ["--wait"] : [],
    script,
  ]);
  const stop = () => signalProcess(child, "SIGTERM");
  options.signal.addEventListener("abort", stop);
  let [printed, id] = ["", ""];
  const errors = new Response(child.stderr).text();
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    printed += text;
    // A site's own wrapper may greet before it.
    const found = jobNumber(printed);
    if (id === "" && found !== undefined) {
      id = found;
      options.onSubmitted(id);
    }
  }
  const { success } = await child.status;
  options.signal.removeEventListener("abort", stop);
  if (id === "") {
    const said = shown((await errors).trim() || printed.trim() || "it printed no job's number");
    const advice = /array/i.test(said)
      ? `; the job has ${job.ids.length} tasks: where the cluster's MaxArraySize is smaller, give ` +
        "a part of the cells at a time by --only"
      : "";
    throw new LetheError(`cannot submit ${script} to Slurm: ${said}${advice}`);
  }
  return { id, succeeded: options.wait ? success : undefined };
}

/**
 * The number in what `sbatch --parsable` prints: a line with nothing else on it but, where there are
 * several clusters, a semicolon and a name.
 */
export function jobNumber(printed: string): string | undefined {
  return /^(\d+)(?:;\S*)?\r?\n/m.exec(printed)?.[1];
}

function start([program, ...first]: readonly string[], args: readonly string[]): Deno.ChildProcess {
  try {
    return new Deno.Command(program!, {
      args: [...first, ...args],
      // Ctrl-C at a terminal is for the sweep alone.
      detached: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "found no program sbatch; install Slurm's client, or use --engine local"
      : String(error);
    throw new LetheError(`cannot submit to Slurm: ${reason}`, { cause: error });
  }
}
