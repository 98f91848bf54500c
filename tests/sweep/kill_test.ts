/** Sweeps that are killed, or not alone: the table is that of an undisturbed one. */

import assert from "node:assert/strict";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { seededRandom } from "../formats/mutate.ts";
import { countJournal } from "./stubs.ts";
import { assertNoneAtOnce, awaitJournal, startSweep, tables, undisturbedTables } from "./sweeps.ts";

const CELLS = 8;

/** Kills a sweep when the journal has grown by `lines` and some milliseconds have passed. */
async function killLater(
  child: Deno.ChildProcess,
  out: string,
  { lines, milliseconds }: { lines: number; milliseconds: number },
): Promise<void> {
  let ended = false;
  child.status.then(() => ended = true);
  await awaitJournal(out, lines, () => ended);
  await new Promise((done) => setTimeout(done, milliseconds));
  try {
    child.kill("SIGKILL");
  } catch {
    // It had finished.
  }
  await child.status;
}

Deno.test("a sweep yields the table of an undisturbed one", async (test) => {
  await withTemporaryFolder(async (folder) => {
    const expected = await undisturbedTables(folder);

    await test.step("when it is killed again and again, at random", async () => {
      const out = `${folder}/killed`;
      await Deno.mkdir(out);
      const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
      console.log(`seed of the moments: ${seed}`);
      const random = seededRandom(seed);
      for (let i = 0; i < 6; i++) {
        const lines = random(10);
        await killLater(startSweep(out), out, { lines, milliseconds: random(40) });
      }
      assert.equal((await startSweep(out).status).code, 0);
      assert.deepEqual(await tables(out), expected);
      await assertNoneAtOnce(out);
    });

    await test.step("when another works on the same folder, and no cell runs twice", async () => {
      const out = `${folder}/shared`;
      await Deno.mkdir(out);
      const codes = await Promise.all(
        [startSweep(out), startSweep(out)].map(async (child) => (await child.status).code),
      );
      assert.deepEqual(codes, [0, 0]);
      assert.deepEqual(await tables(out), expected);
      await assertNoneAtOnce(out);
      const counts = await countJournal(`${out}/journal`);
      for (const word of ["begin", "finish"]) {
        const lines = [...counts].filter(([line]) => line.startsWith(word));
        assert.deepEqual(lines.map(([, times]) => times), Array(CELLS).fill(1), word);
      }
    });

    await test.step("when one of three on the same folder is killed", async () => {
      const out = `${folder}/inherited`;
      await Deno.mkdir(out);
      const [killed, ...others] = [startSweep(out), startSweep(out), startSweep(out)];
      await killLater(killed!, out, { lines: 12, milliseconds: 0 });
      for (const other of others) assert.equal((await other.status).code, 0);
      assert.deepEqual(await tables(out), expected);
      await assertNoneAtOnce(out);
    });
  });
});
