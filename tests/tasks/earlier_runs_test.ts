/** When a run may take over what an earlier one has done, and that nothing changes by it. */

import assert from "node:assert/strict";
import { FormatError } from "../../src/errors.ts";
import { reserveFolder } from "../../src/runs/folder_store.ts";
import { createRun, type RunFolder } from "../../src/runs/run_folder.ts";
import type { DefenseRunSettings } from "../../src/jobs/defense_settings.ts";
import { type EarlierWork, findEarlierWork, type NewRun } from "../../src/jobs/earlier_runs.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { runTask } from "./command.ts";
import { TINY_DATA, TINY_TRAINING, writeTinyModel } from "./tiny_model.ts";

const SETTINGS = {
  defense: "nad",
  modelDigest: "12ab",
  teacher: null,
  teacherKind: "finetuned",
  arch: null,
  dataset: "signs",
  data: "/data",
  limit: 64,
  roi: false,
  preprocessing: { mean: [0, 0, 0], deviation: [1, 1, 1] },
  subset: { fraction: 0.05, seed: 1 },
  heldOut: 0.1,
  statistics: "training",
  patience: 0,
  logEvery: null,
  kernels: { matmul: 1 },
  teacherTraining: { epochs: 2, seed: 1 },
  studentTraining: { epochs: 3, seed: 1 },
  attack: { name: "badnets", target: { mode: "all2one", label: 7 }, options: {}, seed: 1 },
} as unknown as DefenseRunSettings;

const BEFORE = {
  model: "model.safetensors",
  dataset: "signs",
  samples: 64,
  correct: 60,
  accuracy: 0.9375,
  adapter: "a GPU",
  seconds: 1,
};

/** Digests of the images. */
const IMAGES = { train: "1a", test: "2b" };

const STATE = new Map([["fc.bias", {
  dtype: "float32" as const,
  shape: [2],
  data: new Float32Array([1, 2]),
}]]);

type Change = Partial<DefenseRunSettings>;

const MODEL_AND_IMAGES: readonly Change[] = [
  { modelDigest: "34cd" },
  { arch: "wrn-16-2" },
  { dataset: "cifar10" },
  { data: "/elsewhere" },
  { roi: true },
  { preprocessing: { mean: [0, 0, 0.5], deviation: [1, 1, 1] } },
];

/** A run that is about to begin on "a GPU". */
const newRun = (change: Partial<NewRun> = {}): NewRun => ({
  command: "defend",
  adapter: "a GPU",
  images: IMAGES,
  settings: SETTINGS,
  ...change,
});

/** A run on "a GPU", and what is found of it for a run with other settings, or elsewhere. */
async function withRun(
  body: (
    run: RunFolder,
    find: (change?: Change, run?: Partial<NewRun>) => Promise<EarlierWork>,
  ) => Promise<void>,
): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const path = `${folder}/run`;
    const run = await createRun(await reserveFolder(path, "run"), {
      command: "defend",
      adapter: "a GPU",
      deno: Deno.version.deno,
      settings: { ...SETTINGS },
      images: IMAGES,
    });
    await body(
      run,
      (change, elsewhere) =>
        findEarlierWork([path], newRun({ settings: { ...SETTINGS, ...change }, ...elsewhere })),
    );
    run.close();
  });
}

Deno.test("findEarlierWork() takes a measurement only where it was made alike", async () => {
  await withRun(async (run, find) => {
    const take = async (...how: Parameters<typeof find>) => (await find(...how)).before;
    assert.equal(await take(), undefined, "it has not been measured yet");
    await run.update({ results: { before: BEFORE } });
    assert.deepEqual(await take(), BEFORE);
    assert.deepEqual(await take({ defense: "fine-pruning", heldOut: 0.2 }), BEFORE);
    assert.equal(await take({}, { adapter: "another GPU" }), undefined);
    assert.equal(await take({}, { images: { ...IMAGES, test: "3c" } }), undefined);
    const attack = { ...SETTINGS.attack!, seed: 2 };
    for (const change of [...MODEL_AND_IMAGES, { limit: null }, { attack: null }, { attack }]) {
      assert.equal(await take(change), undefined, JSON.stringify(change));
    }
    await assert.rejects(
      findEarlierWork([run.path, `${run.path}/none`], newRun()),
      (error: Error) =>
        error instanceof FormatError &&
        /^cannot take results from .*none: there is no such folder$/
          .test(error.message),
    );
  });
});

Deno.test("findEarlierWork() takes a finetuned copy only where it was made alike", async () => {
  await withRun(async (run, find) => {
    const take = async (...how: Parameters<typeof find>) => (await find(...how)).finetuned;
    const line = { epoch: 1, step: 4, ce: 1, at: [], loss: 1, lr: 0.1, imagesPerSecond: 9 };
    await run.addMetrics([{ phase: "teacher", ...line }, { phase: "student", ...line }]);
    await run.saveModel("teacher", STATE);
    assert.equal(await take(), undefined, "it has not finished");
    await run.update({ finished: true });

    const finetuned = await take();
    assert.deepEqual(finetuned?.state.get("fc.bias")?.data, new Float32Array([1, 2]));
    assert.equal(finetuned?.run, run.path);
    assert.deepEqual(finetuned?.metrics, [{ phase: "teacher", ...line }]);
    const end = await take({ defense: "mcr", betas: [0, 0, 0], limit: null, attack: null });
    assert.deepEqual(end?.metrics, [{ phase: "end", ...line }]);
    const { teacherTraining: studentTraining } = SETTINGS;
    assert.equal((await take({ defense: "finetune", studentTraining }))?.phase, "student");

    const training = { ...SETTINGS.teacherTraining, seed: 2 };
    const changes: Change[] = [
      ...MODEL_AND_IMAGES,
      { defense: "finetune" },
      { defense: "fine-pruning" },
      { teacher: "/a/teacher.safetensors" },
      { teacherKind: "original" },
      { teacherTraining: training },
      { subset: { fraction: 0.05, seed: 2 } },
      { heldOut: 0 },
      { statistics: "clean" },
      { patience: 1 },
      { logEvery: 1 },
      { kernels: {} },
    ];
    for (const change of changes) {
      assert.equal(await take(change), undefined, JSON.stringify(change));
    }
    assert.equal(await take({}, { adapter: "another GPU" }), undefined);

    const model = `${run.path}/teacher.safetensors`;
    await Deno.writeFile(model, (await Deno.readFile(model)).slice(0, 40));
    assert.equal(await take(), undefined, "a damaged one is made once more");
  });
});

Deno.test("defend --before trains nothing twice and comes to the same bits", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const defend = async (out: string, defense: string, ...flags: string[]) => {
      const settings = ["--model", "tiny.safetensors", "--recipe", "paper"];
      const { code, stderr } = await runTask(
        "defend",
        ["--defense", defense, ...settings, ...TINY_DATA, ...TINY_TRAINING, "--out", out, ...flags],
        { folder },
      );
      assert.equal(code, 0, stderr);
      return stderr;
    };
    const same = async (file: string, ...runs: readonly string[]) => {
      const [first, ...others] = await Promise.all(
        runs.map((run) => Deno.readFile(`${folder}/${run}/${file}`)),
      );
      for (const other of others) {
        assert.deepEqual(other, first, `${file} of ${runs.join(" and ")}`);
      }
    };
    await defend("finetuned", "finetune");
    for (const [defense, phase] of [["nad", "teacher"], ["mcr", "end"]] as const) {
      await defend(`${defense}-alone`, defense);
      const text = await defend(defense, defense, "--before", "finetuned");
      assert.match(text, /finetuned in the same way by finetuned: that is taken over/);
      assert.doesNotMatch(text, new RegExp(`${phase} epoch`));
      await same("student.safetensors", defense, `${defense}-alone`);
    }
    await same("teacher.safetensors", "nad", "nad-alone");
    await same("checkpoint/end.safetensors", "mcr", "mcr-alone");
    const text = await defend("again", "finetune", "--before", "nad", "--before", "mcr");
    assert.doesNotMatch(text, /epoch/);
    await same("student.safetensors", "again", "finetuned");
    const metrics = (run: string) => Deno.readTextFile(`${folder}/${run}/metrics.jsonl`);
    assert.equal(await metrics("again"), await metrics("finetuned"));
  });
});
