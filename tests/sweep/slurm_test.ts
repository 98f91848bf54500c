/** Job arrays: their script, and a real Slurm that puts tasks back into the queue and loses them. */

import assert from "node:assert/strict";
import { slurmScript } from "../../src/sweep/slurm.ts";
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
