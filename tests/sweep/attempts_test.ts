/** Who may run a cell: one owner at a time, and the dead are succeeded by one alone. */

import assert from "node:assert/strict";
import { claimCell, DeathWatch, readAttempts } from "../../src/sweep/attempts.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";

const HERE = { host: "here", pid: 1 };
const THERE = { host: "there", pid: 1 };

/** A machine's way to claim cells; owners elsewhere count as dead after `stale` ms. */
function machine(owner: { host: string; pid: number }, stale = 60_000) {
  const watch = new DeathWatch(owner.host, stale);
  const heartbeat = { milliseconds: 20, staleMilliseconds: stale };
  return async (cell: string) => await claimCell(cell, owner, { watch, heartbeat });
}

/** An attempt whose owner is gone without a word; `number` 1. */
async function deadAttempt(cell: string, record: object | undefined): Promise<void> {
  await Deno.mkdir(`${cell}/attempts`, { recursive: true });
  await Deno.writeTextFile(`${cell}/attempts/1.lock`, "");
  if (record) await Deno.writeTextFile(`${cell}/attempts/1.json`, JSON.stringify(record));
}

const sleep = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

/** Tries until it gets the cell; never, where it stays another's. */
async function eventually<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await attempt();
    if (found !== undefined) return found;
    await sleep(10);
  }
}

Deno.test("claimCell() gives a cell to one of many that ask at once", async () => {
  await withTemporaryFolder(async (cell) => {
    const claim = machine(HERE);
    const claims = await Promise.all(Array.from({ length: 16 }, () => claim(cell)));
    const taken = claims.filter((claim) => claim !== undefined);
    assert.equal(taken.length, 1);
    assert.equal(await claim(cell), undefined);
    assert.equal(await machine(THERE)(cell), undefined);
    await taken[0]!.end({ outcome: "interrupted", resumed: false });
  });
});

Deno.test("claimCell() gives an ended cell away again, and says how it ended", async () => {
  await withTemporaryFolder(async (cell) => {
    const first = await machine(HERE)(cell);
    await first!.end({ outcome: "failed", resumed: true, exitCode: 1, message: "no luck" });
    const second = await machine(THERE)(cell);
    assert.equal(second?.number, 2);
    const { outcome, resumed, exitCode, message } = second.previous!;
    assert.deepEqual([outcome, resumed, exitCode, message], ["failed", true, 1, "no luck"]);
    await second.end({ outcome: "finished", resumed: true });
    const records = (await readAttempts(cell)).map(({ record }) => record?.host);
    assert.deepEqual(records, ["here", "there"]);
  });
});

Deno.test("claimCell() succeeds a dead owner of this machine at once, and one takes it", async () => {
  await withTemporaryFolder(async (cell) => {
    await deadAttempt(cell, { ...HERE, locked: true, started: "" });
    const claims = await Promise.all(Array.from({ length: 16 }, () => machine(HERE)(cell)));
    const taken = claims.filter((claim) => claim !== undefined);
    // While one looks at the lock another may take that for life, so none is possible, two are not.
    assert.ok(taken.length <= 1);
    const claim = taken[0] ?? await eventually(() => machine(HERE)(cell));
    assert.equal(claim.number, 2);
    await claim.end({ outcome: "finished", resumed: false });
  });
});

Deno.test("claimCell() succeeds an owner elsewhere once its heart stands still", async () => {
  await withTemporaryFolder(async (cell) => {
    await deadAttempt(cell, { ...THERE, locked: true, started: "" });
    const claim = machine(HERE, 50);
    assert.equal(await claim(cell), undefined, "one look cannot tell");
    const taken = await eventually(() => claim(cell));
    assert.equal(taken.number, 2);
    await taken.end({ outcome: "finished", resumed: false });
  });
});

Deno.test("claimCell() succeeds an owner that died before it wrote its record", async () => {
  await withTemporaryFolder(async (cell) => {
    await deadAttempt(cell, undefined);
    const claim = machine(HERE, 50);
    assert.equal(await claim(cell), undefined);
    await (await eventually(() => claim(cell))).end({ outcome: "finished", resumed: false });
  });
});

Deno.test("a heartbeat keeps a cell from other machines", async () => {
  await withTemporaryFolder(async (cell) => {
    const held = await machine(THERE)(cell);
    const before = (await Deno.stat(`${cell}/attempts/1.lock`)).mtime!.getTime();
    await eventually(async () => {
      const { mtime } = await Deno.stat(`${cell}/attempts/1.lock`);
      return mtime!.getTime() > before || undefined;
    });
    await held!.end({ outcome: "finished", resumed: false });
  });
});

Deno.test("an owner learns that it was taken for dead", async () => {
  await withTemporaryFolder(async (cell) => {
    const held = await machine(HERE)(cell);
    await Deno.writeTextFile(`${cell}/attempts/2.lock`, "");
    await eventually(() => Promise.resolve(held!.lost.aborted || undefined));
    await held!.end({ outcome: "interrupted", resumed: false });
  });
});
