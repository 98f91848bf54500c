/** The command sweep as a user runs it: real cells on a tiny model, stops, refusals, tables. */

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { readAttempts } from "../../src/sweep/attempts.ts";
import type { PlanFile, PlanRow } from "../../src/sweep/plan_file.ts";
import type { ResultsDocument } from "../../src/sweep/report_files.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { assertRefused, filesUnder, finish, runTask, start } from "./command.ts";
import { writeTinyModel } from "./tiny_model.ts";

/** Settings that make a cell take seconds. */
const TINY = { "train-indices": "0:128", "batch-size": 32, epochs: 2, limit: 64 };

const PLAN: PlanFile = {
  title: "Tiny",
  models: { tiny: { model: "tiny.safetensors", dataset: "signs", attack: "recorded" } },
  defaults: { model: "tiny", recipe: "paper", ...TINY },
  cells: [{ defense: "finetune" }, { defense: "nad" }],
};

const [FINETUNE, NAD] = ["finetune", "nad"].map((defense) =>
  `tiny_${defense}_paper_train-indices-0-128_epochs-2_batch-size-32_limit-64_seed-1`
) as [string, string];

const sweep = async (folder: string, ...args: string[]) => await runTask("sweep", args, { folder });

/** A folder with the tiny model and a plan of it. */
async function withPlan(
  change: Partial<PlanFile>,
  body: (folder: string) => Promise<void>,
): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    await Deno.writeTextFile(`${folder}/plan.json`, JSON.stringify({ ...PLAN, ...change }));
    await body(folder);
  });
}

Deno.test("sweep runs the cells of a plan, and finished ones no second time", async () => {
  const failing: PlanRow = { defense: "finetune", "train-indices": "0:16" };
  await withPlan({ cells: [failing, ...PLAN.cells] }, async (folder) => {
    const first = await sweep(folder, "plan.json", "--json", "--retries", "0", "--workers", "2");
    assert.equal(first.code, 1, "a cell fails");
    assert.match(
      first.stderr,
      /^3 cells; expected time for 3, 2 at a time: known when the first has finished$/m,
    );
    assert.match(first.stderr, /\[3\/3\] tiny_.*: accuracy \d+\.\d\d % -> .*, attack success /);
    assert.match(
      first.stderr,
      /\ntiny_finetune_.*0-16.*: cannot .*\nerror: 1 of 3 cells failed; /,
    );
    const document: ResultsDocument & { out: string } = JSON.parse(first.stdout);
    assert.equal(document.out, `${folder}/runs/plan`);
    assert.deepEqual(document.rows.map(({ id, attack }) => [id, attack]), [
      [FINETUNE, "badnets"],
      [NAD, "badnets"],
    ]);
    assert.equal(document.missing.length, 1);
    const [finetune, nad] = document.rows as [typeof document.rows[0], typeof document.rows[0]];
    assert.deepEqual(finetune.before.attack, nad.before.attack);
    assert.notDeepEqual(nad.after, nad.before);
    assert.equal(nad.after.samples, 64);
    assert.ok(nad.teacher && !finetune.teacher);
    const files = (await filesUnder(document.out)).filter((name) => !name.startsWith("cells/"));
    assert.deepEqual(files, ["results.json", "table.csv", "table.html", "table.md"]);

    // The failing row is gone, a seed has come.
    const seeds = {
      ...PLAN,
      cells: [{ defense: ["finetune", "nad"] }, { defense: "finetune", seed: 2 }],
    };
    await Deno.writeTextFile(`${folder}/plan.json`, JSON.stringify(seeds));
    const dry = await sweep(folder, "plan.json", "--dry-run");
    assert.equal(dry.code, 0, dry.stderr);
    assert.match(
      dry.stdout,
      new RegExp(`^${FINETUNE}: finished\n${NAD}: finished\ntiny_finetune_.*_seed-2: about`),
    );
    const second = await sweep(folder, "plan.json");
    assert.equal(second.code, 0, second.stderr);
    assert.match(
      second.stderr,
      /^3 cells, 2 of them finished; .* at the speed of the finished ones/,
    );
    assert.doesNotMatch(second.stderr, /_seed-1: (begins|goes on)/);
    assert.equal((await readAttempts(`${document.out}/cells/${NAD}`)).length, 1);

    const report = await sweep(folder, "plan.json", "--report", "--json");
    assert.equal(report.code, 0, report.stderr);
    const { rows }: ResultsDocument = JSON.parse(report.stdout);
    assert.equal(rows.length, 3);
    const alike = [finetune, nad].some(({ before }) => isDeepStrictEqual(before, rows[2]!.before));
    assert.ok(alike, "the model is not measured, and timed, once more");

    const results = `${document.out}/results.json`;
    const other = ["--out", "other", "--import", results, "--only", FINETUNE];
    const imported = await sweep(folder, "plan.json", ...other);
    assert.equal(imported.code, 0, imported.stderr);
    assert.match(imported.stderr, /^3 cells taken over from .*results\.json\n/);
    assert.doesNotMatch(imported.stderr, /: (begins|goes on)/);
    const table = async (out: string) => await Deno.readTextFile(`${out}/table.md`);
    assert.equal(await table(`${folder}/other`), await table(document.out));

    const third = { ...PLAN, cells: [...seeds.cells, { defense: "finetune", seed: 3 }] };
    await Deno.writeTextFile(`${folder}/plan.json`, JSON.stringify(third));
    const last = ["--out", "third", "--import", results, "--only", "*_seed-3"];
    const only = await sweep(folder, "plan.json", ...last);
    assert.equal(only.code, 0, only.stderr);
    assert.match(
      only.stderr,
      /^3 cells taken over .*\n1 cell; expected time for 1, 1 at a time: known when the first has finished\n/,
    );
  });
});

Deno.test("Ctrl-C stops a sweep and its cells, and the same command goes on to the same model", async () => {
  await withPlan({ cells: [{ defense: "finetune" }] }, async (folder) => {
    const cell = `${folder}/stopped/cells/${FINETUNE}`;
    const child = start("sweep", ["plan.json", "--out", "stopped"], { folder });
    const output = finish(child);
    const log = async () => await Deno.readTextFile(`${cell}/log.txt`).catch(() => "");
    while (!(await log()).includes("student epoch 1/2")) {
      await new Promise((done) => setTimeout(done, 50));
    }
    child.kill("SIGINT");
    const { code, stderr } = await output;
    assert.equal(code, 130);
    assert.match(
      stderr,
      /\nstopped; go on with the same command, which finds its cells in .*stopped\n$/,
    );
    assert.match(await log(), /stopped; go on with: deno task defend --resume/);
    const again = await sweep(folder, "plan.json", "--out", "stopped");
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stderr, new RegExp(`${FINETUNE}: goes on, attempt 2\n`));
    const outcomes = (await readAttempts(cell)).map(({ record }) => record?.ended?.outcome);
    assert.deepEqual(outcomes, ["interrupted", "finished"]);
    assert.equal((await sweep(folder, "plan.json", "--out", "whole")).code, 0);
    const [stopped, whole] = await Promise.all(
      ["stopped", "whole"].map((out) =>
        Deno.readFile(`${folder}/${out}/cells/${FINETUNE}/run/student.safetensors`)
      ),
    );
    assert.deepEqual(stopped, whole);
  });
});

/** Plans and flags that are refused before anything runs. */
const REFUSED: readonly (readonly [
  name: string,
  change: Partial<PlanFile>,
  args: readonly string[],
  code: 1 | 2,
  message: RegExp,
])[] = [
  [
    "a missing model",
    { models: { tiny: { ...PLAN.models.tiny!, model: "big.pth" } } },
    [],
    1,
    /cannot run cell tiny_finetune_paper_.*_seed-1: "model": .*big\.pth: there is no such file/,
  ],
  [
    "an unknown attack",
    { models: { tiny: { ...PLAN.models.tiny!, attack: "badnet" } } },
    [],
    1,
    /cannot run cell tiny_finetune_.*: "attack": unknown attack "badnet"/,
  ],
  [
    "an unknown key",
    { cells: [{ seeds: 3 } as PlanRow] },
    [],
    1,
    /plan\.json: unknown key "seeds"/,
  ],
  ["a cell that is none", {}, ["--only", `${FINETUNE}x`], 2, /no cell has that name; did you mean/],
  ["a pattern that fits none", {}, ["--only", "b*"], 2, /cannot run only "b\*": no cell has/],
  ["waiting for nothing", {}, ["--wait"], 2, /cannot use --wait without --engine slurm/],
];

for (const [name, change, args, code, message] of REFUSED) {
  Deno.test(`sweep refuses ${name}`, async () => {
    await withPlan(change, async (folder) => {
      assertRefused(await sweep(folder, "plan.json", ...args), code, message);
      assert.deepEqual(await filesUnder(folder), ["plan.json", "tiny.safetensors"]);
    });
  });
}

Deno.test("sweep refuses a plan that is not there", async () => {
  await withTemporaryFolder(async (folder) => {
    const message = /cannot read the plan plan\.json: there is no such file/;
    assertRefused(await sweep(folder, "plan.json"), 1, message);
    assertRefused(await sweep(folder, "plan.json", "--report"), 1, message);
  });
});

Deno.test("sweep refuses to go on with a cell whose model has changed", async () => {
  await withPlan({}, async (folder) => {
    const cell = `${folder}/runs/plan/cells/${FINETUNE}`;
    await Deno.mkdir(cell, { recursive: true });
    const identity = { "model-sha256": "abc" };
    const record = { id: FINETUNE, digest: "abc", identity, flags: [] };
    await Deno.writeTextFile(`${cell}/cell.json`, JSON.stringify(record));
    const message = /cannot go on with cell tiny_finetune_.*model-sha256 was abc, is /;
    assertRefused(await sweep(folder, "plan.json"), 1, message);
  });
});

Deno.test("sweep --engine slurm --dry-run shows the job array", async () => {
  await withPlan({}, async (folder) => {
    const { code, stdout, stderr } = await sweep(
      folder,
      "plan.json",
      "--engine",
      "slurm",
      "--dry-run",
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^#SBATCH --array=0-1$/m);
    assert.match(stdout, new RegExp(`^  ${NAD}$`, "m"));
    assert.match(
      stdout,
      /^exec deno task .* sweep .*plan\.json --out .* --only "\$cell"$/m,
    );
    assert.deepEqual(await filesUnder(folder), ["plan.json", "tiny.safetensors"]);
  });
});
