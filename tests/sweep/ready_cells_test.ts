/** What a plan needs on disk: found, or refused by the name of the cell before anything runs. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { FormatError } from "../../src/errors.ts";
import { cellFolder, expectSameCells, writeCellRecord } from "../../src/sweep/cell_folder.ts";
import { parsePlan } from "../../src/sweep/plan.ts";
import { type ReadyCell, readyCells } from "../../src/sweep/ready_cells.ts";
import { recipeDigest } from "../../src/sweep/recipe_digest.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { tinyModelBytes } from "../tasks/tiny_model.ts";

const MODEL = { model: "models/tiny.safetensors", dataset: "signs", attack: "recorded" };

const PLAN = {
  title: "A plan",
  data: "data",
  models: { tiny: MODEL },
  teachers: { large: "models/large.safetensors" },
  cells: [
    { model: "tiny", defense: "finetune" },
    { model: "tiny", defense: "nad", teacher: "large", betas: "5,10,10", seed: 2 },
  ],
};

/** The cells of a plan that lies in `folder/plan.json`, beside two models. */
async function ready(folder: string, plan: object, data?: string): Promise<ReadyCell[]> {
  await Deno.mkdir(`${folder}/models`, { recursive: true });
  await Deno.writeFile(`${folder}/models/tiny.safetensors`, tinyModelBytes());
  await Deno.writeFile(
    `${folder}/models/large.safetensors`,
    tinyModelBytes({ change: (state) => (state.get("fc.bias")!.data as Float32Array).fill(1) }),
  );
  await Deno.writeFile(`${folder}/models/three.safetensors`, tinyModelBytes({ classes: 3 }));
  const parsed = parsePlan(new TextEncoder().encode(JSON.stringify(plan)), "plan.json");
  return await readyCells(parsed, parsed.cells, { path: `${folder}/plan.json`, data });
}

const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

Deno.test("readyCells() makes flags of absolute paths, beginning at the plan", async () => {
  await withTemporaryFolder(async (folder) => {
    const [first, second] = await ready(folder, PLAN);
    assert.deepEqual(first!.flags, [
      `--model=${folder}/models/tiny.safetensors`,
      "--defense=finetune",
      "--recipe=lethe",
      "--seed=1",
      "--dataset=signs",
      "--attack=recorded",
      `--data=${folder}/data`,
    ]);
    assert.equal(first!.attack, "badnets");
    assert.ok(second!.flags.includes(`--teacher=${folder}/models/large.safetensors`));
    assert.ok(second!.flags.includes("--betas=5,10,10"));
  });
});

Deno.test("readyCells() states what determines a result: settings and the content of networks", async () => {
  await withTemporaryFolder(async (folder) => {
    const [first, second] = await ready(folder, PLAN);
    assert.deepEqual(first!.identity, {
      attack: "recorded",
      dataset: "signs",
      defense: "finetune",
      model: "tiny",
      "model-sha256": digest(tinyModelBytes()),
      recipe: "lethe",
      "recipe-sha256": recipeDigest(first!.settings),
      seed: 1,
    });
    assert.equal(typeof second!.identity["teacher-sha256"], "string");
    assert.notEqual(first!.digest, second!.digest);
    // Where files lie makes no difference.
    await Deno.mkdir(`${folder}/elsewhere`);
    const moved = await ready(`${folder}/elsewhere`, PLAN, `${folder}/other`);
    assert.deepEqual(moved.map(({ digest }) => digest), [first!.digest, second!.digest]);
    assert.ok(moved[0]!.flags.includes(`--data=${folder}/other`));
  });
});

Deno.test("readyCells() takes a model's share of clean images where the cell has none of its own", async () => {
  await withTemporaryFolder(async (folder) => {
    const models = { tiny: { ...MODEL, "clean-fraction": 0.3 } };
    const cells = [
      { model: "tiny", defense: "finetune" },
      { model: "tiny", defense: "finetune", "clean-fraction": 0.1 },
      { model: "tiny", defense: "finetune", "train-indices": "0:100" },
    ];
    const found = await ready(folder, { ...PLAN, models, cells });
    const shares = found.map(({ flags }) => flags.filter((flag) => /fraction|indices/.test(flag)));
    assert.deepEqual(shares, [
      ["--clean-fraction=0.3"],
      ["--clean-fraction=0.1"],
      ["--train-indices=0:100"],
    ]);
    assert.deepEqual(found.map(({ identity }) => identity["clean-fraction"]), [
      0.3,
      0.1,
      undefined,
    ]);
  });
});

Deno.test("readyCells() measures the attack that another model records", async () => {
  await withTemporaryFolder(async (folder) => {
    const attack = "models/large.safetensors";
    const model = { ...MODEL, model: "models/three.safetensors", attack, ceiling: "tiny" };
    const models = { tiny: { ...MODEL, attack }, three: model };
    const plan = { ...PLAN, models, cells: [{ model: "tiny", defense: "none" }] };
    const [cell] = await ready(folder, plan);
    assert.equal(cell!.attack, "badnets");
    assert.ok(cell!.flags.includes(`--attack=${folder}/models/large.safetensors`));
    assert.ok(!cell!.flags.some((flag) => flag.startsWith("--ceiling")));
    assert.equal(cell!.identity.attack, "recorded elsewhere");
    assert.equal(
      cell!.identity["attack-sha256"],
      digest(await Deno.readFile(`${folder}/models/large.safetensors`)),
    );
    assert.equal(cell!.identity.ceiling, undefined);
  });
});

/** Changes to {@linkcode PLAN} with what they are refused for. */
const REFUSED: readonly (readonly [name: string, change: object, message: RegExp])[] = [
  [
    "a missing model",
    { models: { tiny: { ...MODEL, model: "models/tny.safetensors" } } },
    /^cannot run cell tiny_finetune_lethe_seed-1: "model": .*models\/tny\.safetensors: there is no/,
  ],
  [
    "a missing teacher",
    { teachers: { large: "larger.pth" } },
    /^cannot run cell tiny_nad_.*_seed-2: "teacher": .*larger\.pth: there is no such file/,
  ],
  [
    "an unknown attack",
    { models: { tiny: { ...MODEL, attack: "badnet" } } },
    /^cannot run cell tiny_finetune_lethe_seed-1: "attack": unknown attack "badnet".*"badnets"/,
  ],
  [
    "a missing model that records an attack",
    { models: { tiny: { ...MODEL, attack: "models/no.safetensors" } } },
    /^cannot run cell tiny_finetune_.*: "attack": .*models\/no\.safetensors: there is no such file/,
  ],
  [
    "an unknown option of an attack",
    { models: { tiny: { ...MODEL, attack: "badnets", "attack-options": "sise=3" } } },
    /^cannot run cell tiny_finetune_.*: "attack-options": cannot use "sise=3" with .*size/,
  ],
  [
    "a missing picture of a trigger",
    { models: { tiny: { ...MODEL, attack: "blend", "attack-options": "image=no.png" } } },
    /"attack-options": cannot find .*\/no\.png, which "image" names/,
  ],
  [
    "an unknown data set",
    { models: { tiny: { ...MODEL, dataset: "sings" } } },
    /^cannot run cell tiny_finetune_lethe_seed-1: "dataset": .*sings/,
  ],
  [
    "missing data",
    { models: { tiny: { ...MODEL, dataset: "cifar10" } } },
    /^cannot run cell tiny_finetune_lethe_seed-1: "data": cannot find CIFAR-10 at .*\/data/,
  ],
  [
    "a model of other classes",
    { models: { tiny: { ...MODEL, model: "models/three.safetensors" } } },
    /"dataset": cannot use .*three\.safetensors: it has 3 classes, the data set 10$/,
  ],
  [
    "a teacher of other classes",
    { teachers: { large: "models/three.safetensors" } },
    /_seed-2: "teacher": cannot use .*three\.safetensors: it has 3 classes, the data set 10$/,
  ],
];

for (const [name, change, message] of REFUSED) {
  Deno.test(`readyCells() refuses ${name}, naming the cell and the key`, async () => {
    await withTemporaryFolder(async (folder) => {
      await assert.rejects(ready(folder, { ...PLAN, ...change }), (error) => {
        assert.ok(error instanceof FormatError, String(error));
        assert.match(error.message, message);
        return true;
      });
    });
  });
}

Deno.test("expectSameCells() refuses a folder whose cell had another network or setting", async () => {
  await withTemporaryFolder(async (folder) => {
    const cells = await ready(folder, PLAN);
    await expectSameCells(folder, cells);
    const { id, digest, identity, flags } = cells[0]!;
    await Deno.mkdir(cellFolder(folder, id), { recursive: true });
    const write = (changed: typeof identity) =>
      writeCellRecord(cellFolder(folder, id), { id, digest, identity: changed, flags });
    await write(identity);
    await expectSameCells(folder, cells);
    await write({ ...identity, "model-sha256": "abc" });
    await assert.rejects(
      expectSameCells(folder, cells),
      /cannot go on with cell tiny_finetune_lethe_seed-1: .*\(model-sha256 was abc, is [0-9a-f]+\); remove /,
    );
  });
});
