/** Job arrays: their script, and a real Slurm that puts tasks back into the queue and loses them. */

import assert from "node:assert/strict";
import { jobNumber, slurmScript, submitToSlurm } from "../../src/sweep/slurm.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { slurmIsInstalled, withSlurm } from "./slurm_cluster.ts";
import { assertNoneAtOnce, awaitJournal, startSweep, tables, undisturbedTables } from "./sweeps.ts";

const JOB = {
  name: "a sweep's name",
  out: "/data/it's here",
  ids: ["a_nad_seed-1", "b_nad_seed-1", "c_nad_seed-1"],
  program: ["deno", "run", "/some where/sweep.ts", "--only"],
};

/** Puts a running task back into the queue: the first that does not end just now. */
const REQUEUE = `
while :; do
  for task in $(squeue --noheader --states=RUNNING --format=%A); do
    ! scontrol requeue "$task" || exit 0
  done
  sleep 0.1
done`;

Deno.test("slurmScript() makes one task of each cell, to be put back where it is lost", () => {
  const script = slurmScript({ ...JOB, most: 2 });
  assert.match(script, /^#!\/bin\/sh\n/);
  assert.match(script, /^#SBATCH --job-name=a-sweep-s-name$/m);
  assert.match(script, /^#SBATCH --array=0-2%2$/m);
  assert.match(script, /^#SBATCH --requeue$/m);
  assert.match(slurmScript(JOB), /^#SBATCH --array=0-2$/m);
});

Deno.test("slurmScript() runs the cell of its task and keeps the log in the cell's folder", async () => {
  await withTemporaryFolder(async (folder) => {
    const out = `${folder}/it's here`;
    const program = ["echo", "run $HOME", "--only"];
    await Deno.writeTextFile(`${folder}/job.sh`, slurmScript({ ...JOB, out, program }));
    const { success, stderr } = await new Deno.Command("sh", {
      args: [`${folder}/job.sh`],
      env: { SLURM_ARRAY_JOB_ID: "7", SLURM_ARRAY_TASK_ID: "1" },
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const log = await Deno.readTextFile(`${out}/cells/b_nad_seed-1/slurm.log`);
    assert.match(log, /^--- job 7_1 on .*, restart 0\nrun \$HOME --only b_nad_seed-1\n$/);
  });
});

Deno.test("jobNumber() finds the number behind the greeting of a site's own sbatch", () => {
  const banner =
    "\n-----\n   Welcome to the Example Supercomputer 2\n-----\n--> Verifying 1 job...OK\n";
  for (
    const [printed, number] of [
      ["519605\n", "519605"],
      ["4242;cluster\n", "4242"],
      [`${banner}519605\n`, "519605"],
      [`${banner}519605;alps\nbye\n`, "519605"],
      [banner, undefined],
      ["519605", undefined],
      ["", undefined],
    ] as const
  ) {
    assert.equal(jobNumber(printed), number, printed);
  }
});

/** Submits the job to a stand-in for `sbatch`, a shell script with this body. */
async function submitTo(body: string): Promise<string> {
  let number = "";
  await withTemporaryFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/sbatch`, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    const { id } = await submitToSlurm({ ...JOB, out: folder }, {
      wait: false,
      signal: new AbortController().signal,
      onSubmitted() {},
      program: ["sh", `${folder}/sbatch`],
    });
    number = id;
  });
  return number;
}

Deno.test("submitToSlurm() reads the job's number, and says what helps where an array is refused", async () => {
  assert.equal(await submitTo("echo; echo '--> Welcome'; echo 519605"), "519605");
  await assert.rejects(
    submitTo("echo 'sbatch: error: Invalid job array specification' >&2; exit 1"),
    /Invalid job array specification; the job has 3 tasks: .* MaxArraySize .* by --only$/,
  );
  await assert.rejects(submitTo("exit 1"), /it printed no job's number$/);
});

Deno.test({
  name: "a sweep on Slurm yields the table of a local one, also when its tasks are lost",
  ignore: !slurmIsInstalled(),
  async fn() {
    await withTemporaryFolder(async (folder) => {
      const expected = await undisturbedTables(folder);
      await withSlurm(async ({ env, run }) => {
        const out = `${folder}/slurm`;
        await Deno.mkdir(out);
        const cancelled = startSweep(out, { slurm: true, env });
        await awaitJournal(out, 6);
        await run("scancel --user=$(id -un)");
        assert.equal((await cancelled.status).code, 1, "not all tasks have ended well");
        const again = startSweep(out, { slurm: true, env });
        await awaitJournal(out, 6);
        await run(REQUEUE);
        assert.equal((await again.status).code, 0);
        assert.deepEqual(await tables(out), expected);
        await assertNoneAtOnce(out);
        const cells = (await Array.fromAsync(Deno.readDir(`${out}/cells`))).map(({ name }) => name);
        const logs = await Promise.all(
          cells.map((cell) => Deno.readTextFile(`${out}/cells/${cell}/slurm.log`)),
        );
        assert.equal(logs.length, 8);
        assert.match(logs.join(""), /restart 1\n/);
      });
    });
  },
});
