/** Runs that are written, killed at any moment, damaged and taken up again. */

import assert from "node:assert/strict";
import { FormatError, UsageError } from "../../src/errors.ts";
import { folderStore, reserveFolder, takeFolder } from "../../src/runs/folder_store.ts";
import { decodeMetrics, type MetricsLine } from "../../src/runs/metrics.ts";
import { createRun, resumeRun, type RunFolder } from "../../src/runs/run_folder.ts";
import { memoryStore, type Store } from "../../src/runs/store.ts";
import type { PhaseSnapshot } from "../../src/train/train.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { makeLink, makePipe } from "../special_files.ts";

const PROGRAM = { deno: "2.9.6" };

const RUN = {
  command: "erase",
  adapter: "a GPU",
  ...PROGRAM,
  settings: { seed: 1, share: 0.1 },
  images: { train: "1a", test: "2b" },
};

const line = (epoch: number, phase = "student"): MetricsLine => ({
  phase,
  epoch,
  step: 4 * epoch,
  ce: 1 / epoch,
  at: [1e-3],
  loss: 2,
  lr: 0.1,
  imagesPerSecond: 9,
});

const tensor = (...values: number[]) => ({
  dtype: "float32" as const,
  shape: [values.length],
  data: Float32Array.from(values),
});

const snapshot = (epoch: number): PhaseSnapshot => ({
  phase: "student",
  epoch,
  state: new Map([["fc.bias", tensor(epoch, 2)]]),
  velocity: new Map([["fc.bias", tensor(0, epoch)]]),
});

/** A run of two epochs with a teacher and a file. */
async function twoEpochs(store: Store): Promise<RunFolder> {
  const folder = await createRun(store, RUN);
  await folder.saveModel("teacher", snapshot(1).state);
  await folder.saveFile("prepared.safetensors", new Uint8Array([1, 2, 3]));
  for (const epoch of [1, 2]) await folder.saveEpoch([line(epoch)], snapshot(epoch));
  await folder.update({ results: { notes: { a: 1 } } });
  return folder;
}

/** Everything that a resume reads. */
async function readAll(store: Store): Promise<unknown[]> {
  const folder = await resumeRun(store, "erase", PROGRAM);
  const { settings, results } = folder.record;
  return [
    settings,
    results,
    await folder.readModel("teacher"),
    await folder.readFile("prepared.safetensors"),
    await folder.readSnapshot(),
    await metricsOf(store),
  ];
}

async function metricsOf(store: Store): Promise<MetricsLine[]> {
  const bytes = await store.read("metrics.jsonl", 1e6) ?? new Uint8Array(0);
  return decodeMetrics(new TextDecoder().decode(bytes), "metrics");
}

Deno.test("resumeRun() finds what a run has written", async () => {
  const store = memoryStore();
  await twoEpochs(store);
  const found = await readAll(store);
  assert.deepEqual(found, [
    RUN.settings,
    { notes: { a: 1 } },
    snapshot(1).state,
    new Uint8Array([1, 2, 3]),
    { ...snapshot(2), kept: undefined },
    [line(1), line(2)],
  ]);
});

Deno.test("a bit that flips anywhere in a run is noticed, or changes nothing", async () => {
  const store = memoryStore();
  await twoEpochs(store);
  const whole = await readAll(store);
  let noticed = 0;
  for (const name of await store.list()) {
    const bytes = (await store.read(name, 1e6))!;
    for (let bit = 0; bit < 8 * bytes.length; bit += 3) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const damaged = memoryStore();
      for (const other of await store.list()) {
        await damaged.write(other, other === name ? flipped : (await store.read(other, 1e6))!);
      }
      try {
        assert.deepEqual(await readAll(damaged), whole, `bit ${bit} of ${name}`);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        noticed++;
      }
    }
  }
  assert.ok(noticed > 1000, `${noticed} were noticed`);
});

Deno.test("a bit that flips in the name of a record's checksum is noticed", async () => {
  const store = memoryStore();
  await twoEpochs(store);
  const text = new TextDecoder().decode(await store.read("run.json", 1e6));
  const renamed = text.replace(/"sha256"(?=: "\w+"\n}\n$)/, '"sha257"');
  assert.notEqual(renamed, text);
  await store.write("run.json", new TextEncoder().encode(renamed));
  await assert.rejects(resumeRun(store, "erase", PROGRAM), /its run\.json has changed/);
});

Deno.test("a run that is killed after any write goes on to the same metrics", async () => {
  const recorder = memoryStore();
  const stores: Store[] = [];
  /** Copies of the store after each of its changes: where a kill may leave it. */
  const copied = async () => {
    const copy = memoryStore();
    for (const name of await recorder.list()) {
      await copy.write(name, (await recorder.read(name, 1e6))!);
    }
    stores.push(copy);
  };
  const watched: Store = {
    ...recorder,
    async write(name, bytes) {
      await recorder.write(name, bytes);
      await copied();
    },
    async append(name, size, bytes) {
      // A kill in the middle leaves half of what was added.
      await recorder.append(name, size, bytes.slice(0, bytes.length / 2));
      await copied();
      await recorder.append(name, size, bytes);
      await copied();
    },
  };
  await twoEpochs(watched);
  assert.ok(stores.length > 10);
  for (const [i, store] of stores.entries()) {
    const folder = await resumeRun(store, "erase", PROGRAM);
    const done = (await folder.readSnapshot())?.epoch ?? 0;
    for (let epoch = done + 1; epoch <= 3; epoch++) {
      await folder.saveEpoch([line(epoch)], snapshot(epoch));
    }
    assert.deepEqual(await metricsOf(store), [1, 2, 3].map((n) => line(n)), `after write ${i}`);
    assert.deepEqual((await readAll(store))[4], { ...snapshot(3), kept: undefined });
  }
});

Deno.test("metrics of epochs that are trained again take the place of the earlier ones", async () => {
  const store = memoryStore();
  await twoEpochs(store);
  const folder = await resumeRun(store, "erase", PROGRAM);
  await folder.addMetrics([line(2), line(3)]);
  await folder.addMetrics([line(1, "other")]);
  assert.deepEqual(await metricsOf(store), [line(1), line(2), line(3), line(1, "other")]);
  await readAll(store);
});

Deno.test("resumeRun() tells of another version, and of one that kept no checksums", async () => {
  const store = memoryStore();
  await twoEpochs(store);
  const { warnings } = await resumeRun(store, "erase", { deno: "9.9.9" });
  assert.match(
    warnings.join(),
    /begun by Lethe .* with Deno 2\.9\.6, and goes on by .* with 9\.9\.9/,
  );

  const old = memoryStore();
  const { sha256: _, files: __, metrics: ___, images: ____, ...record } = JSON.parse(
    new TextDecoder().decode(await store.read("run.json", 1e6)),
  );
  for (const name of await store.list()) await old.write(name, (await store.read(name, 1e6))!);
  await old.write("run.json", new TextEncoder().encode(JSON.stringify(record)));
  const found = await resumeRun(old, "erase", PROGRAM);
  assert.match(found.warnings.join(), /a version that kept no checksums/);
  assert.deepEqual((await found.readModel("teacher"))?.get("fc.bias"), tensor(1, 2));
  assert.equal((await found.readSnapshot())?.epoch, 2);
  assert.deepEqual((await resumeRun(old, "erase", PROGRAM)).warnings, []);
});

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ["is no JSON", "{", /its run\.json is damaged: it is not JSON/],
  ["is nested deeply", "[".repeat(200_000), /nested too deeply/],
  ["is a list", "[]", /not the record of a run: found a list of 0, expected an object/],
  ["has taken a negative time", '{"seconds":-1}', /not the record of a run/],
];

for (const [what, text, message] of REFUSED) {
  Deno.test(`resumeRun() refuses a record that ${what}`, async () => {
    const store = memoryStore();
    await store.write("run.json", new TextEncoder().encode(text));
    await assert.rejects(resumeRun(store, "erase", PROGRAM), (error: Error) => {
      assert.ok(error instanceof FormatError);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("resumeRun() refuses a run of another command, and a place without one", async () => {
  const store = memoryStore();
  await assert.rejects(resumeRun(store, "erase", PROGRAM), /found no run\.json in it/);
  await createRun(store, RUN);
  await assert.rejects(
    resumeRun(store, "attack", PROGRAM),
    /a run of erase, expected one of attack/,
  );
});

Deno.test("a folder is reserved by one run at a time, and one with a run is refused", async () => {
  await withTemporaryFolder(async (folder) => {
    const path = `${folder}/run`;
    const store = await reserveFolder(path, "run");
    await assert.rejects(reserveFolder(path, "run"), UsageError);
    const run = await createRun(store, RUN);
    await assert.rejects(takeFolder(path), /another process is running in it/);
    run.close();
    await assert.rejects(
      reserveFolder(path, "run").then((store) => createRun(store, RUN)),
      /it holds a run already; go on with it by --resume/,
    );
    const resumed = await resumeRun(await takeFolder(path), "erase", PROGRAM);
    await assert.rejects(takeFolder(path), /cannot resume .*another process is running in it/);
    resumed.close();
  });
});

Deno.test("20 pairs of runs that begin together get folders of their own, and lose nothing", async () => {
  await withTemporaryFolder(async (folder) => {
    const begin = async (out: string | undefined, seed: number) => {
      const run = await createRun(await reserveFolder(out, `${folder}/runs/erase`), {
        ...RUN,
        settings: { seed },
      });
      await run.saveEpoch([line(1)], snapshot(1));
      run.close();
      return run.path;
    };
    const paths = await Promise.all(Array.from({ length: 40 }, (_, i) => begin(undefined, i)));
    assert.equal(new Set(paths).size, 40);
    for (const [seed, path] of paths.entries()) {
      const { record } = await resumeRun(folderStore(path), "erase", PROGRAM);
      assert.deepEqual(record.settings, { seed });
    }
    // With the same --out one of each pair begins, and the other is refused in words.
    for (let pair = 0; pair < 20; pair++) {
      const out = `${folder}/pair-${pair}`;
      const ends = await Promise.allSettled([begin(out, 1), begin(out, 2)]);
      const [refused] = ends.filter((end) => end.status === "rejected");
      assert.ok(refused?.reason instanceof UsageError, String(refused?.reason));
      assert.equal(ends.filter(({ status }) => status === "fulfilled").length, 1);
    }
  });
});

Deno.test("takeFolder() removes what a killed process left half written, and nothing else", async () => {
  await withTemporaryFolder(async (folder) => {
    const store = await reserveFolder(`${folder}/run`, "run");
    (await createRun(store, RUN)).close();
    for (const name of ["run.json.0a1b2c3d.tmp", "checkpoint/a.12345678.tmp", "mine.tmp"]) {
      await Deno.writeTextFile(`${folder}/run/${name}`, "half");
    }
    const taken = await takeFolder(`${folder}/run`);
    assert.deepEqual(await taken.list(), ["checkpoint/lock", "mine.tmp", "run.json"]);
    taken.close();
  });
});

Deno.test("discard() removes a run that came to nothing, but no file of the user's", async () => {
  await withTemporaryFolder(async (folder) => {
    const fresh = await createRun(await reserveFolder(`${folder}/fresh`, "run"), RUN);
    await fresh.discard();
    await assert.rejects(Deno.stat(`${folder}/fresh`), Deno.errors.NotFound);
    await Deno.mkdir(`${folder}/mine`);
    await Deno.writeTextFile(`${folder}/mine/notes.txt`, "mine");
    const mixed = await createRun(await reserveFolder(`${folder}/mine`, "run"), RUN);
    await mixed.saveFile("audit-before.safetensors", new Uint8Array(8));
    await mixed.discard();
    assert.deepEqual([...Deno.readDirSync(`${folder}/mine`)].map(({ name }) => name), [
      "notes.txt",
    ]);
    const trained = await createRun(await reserveFolder(`${folder}/trained`, "run"), RUN);
    await trained.saveEpoch([line(1)], snapshot(1));
    await trained.discard();
    assert.equal(
      (await resumeRun(folderStore(trained.path), "erase", PROGRAM)).record.finished,
      false,
    );
  });
});

Deno.test({
  name: "a link or pipe in a foreign run folder is not written through",
  ignore: Deno.build.os === "windows",
  async fn() {
    await withTemporaryFolder(async (folder) => {
      const path = `${folder}/run`;
      (await createRun(await reserveFolder(path, "run"), RUN)).close();
      await Deno.writeTextFile(`${folder}/mine`, "precious");
      await makeLink(`${folder}/mine`, `${path}/metrics.jsonl`);
      const run = await resumeRun(await takeFolder(path), "erase", PROGRAM);
      await assert.rejects(run.saveEpoch([line(1)], snapshot(1)), /found a link, folder or pipe/);
      run.close();
      assert.equal(await Deno.readTextFile(`${folder}/mine`), "precious");
      await Deno.remove(`${path}/checkpoint/lock`);
      await makePipe(`${path}/checkpoint/lock`);
      await assert.rejects(takeFolder(path), /lock: found a link, folder or pipe there/);
    });
  },
});
