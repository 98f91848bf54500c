/** The studies are plans, and what they ask can be answered. */

import assert from "node:assert/strict";
import { basename } from "node:path";
import { compareWithControls } from "../../src/sweep/groups.ts";
import { parsePlan, type Plan } from "../../src/sweep/plan.ts";
import { finish } from "./results.ts";

const FOLDER = new URL("../../studies/", import.meta.url);

const STUDIES = [
  "all_to_all",
  "attention_operators",
  "betas",
  "clean_fractions",
  "features",
  "main_table",
  "pytorch_models",
  "teachers",
  "twice_the_epochs",
];

const readStudy = (name: string): Plan =>
  parsePlan(Deno.readFileSync(new URL(`${name}.json`, FOLDER)), `${name}.json`);

Deno.test("the folder of studies holds these plans", () => {
  const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
    .filter((name) => name.endsWith(".json")).map((name) => basename(name, ".json"));
  assert.deepEqual(names.sort(), STUDIES);
});

for (const name of STUDIES) {
  Deno.test(`${name} has three seeds, a control of every NAD cell, and models from one place`, () => {
    const plan = readStudy(name);
    const finished = finish(plan, () => [0.8, 0.1, 0.7]);
    for (const { settings, seeds } of compareWithControls(plan.cells, finished)) {
      assert.deepEqual(seeds, [1, 2, 3], JSON.stringify(settings));
    }
    for (const { model, teacher = "../models/none" } of plan.cells) {
      assert.match(teacher, /^\.\.\/models\//);
      if (name === "pytorch_models") {
        assert.match(model.model, /^\.\.\/data\/checkpoints\/[a-z-]+\.pth(\.tar)?$/);
        assert.match(model.attack!, /^(badnets|blend)$/);
      } else {
        assert.match(model.model, /^\.\.\/models\/(cifar10|gtsrb)-[a-z0-9-]+\.safetensors$/);
        assert.match(model.attack!, /^(recorded|\.\.\/models\/[a-z0-9-]+\.safetensors)$/);
      }
    }
  });
}

Deno.test("the main table crosses six models, four defences, two recipes and three seeds", () => {
  const { cells } = readStudy("main_table");
  const defended = cells.filter(({ settings }) => settings.defense !== "none");
  const values = (key: "model" | "defense" | "recipe" | "seed" | "betas") =>
    new Set(defended.map(({ settings }) => settings[key])).size;
  assert.equal(defended.length, 144 + 18, "NAD without attention losses beside the product");
  assert.deepEqual(
    (["model", "defense", "recipe", "seed", "betas"] as const).map(values),
    [6, 4, 2, 3, 2],
  );
  const ceilings = new Set(
    cells.filter(({ settings }) => settings.defense === "none").map(({ settings }) =>
      settings.model
    ),
  );
  assert.ok(defended.every(({ model }) => ceilings.has(model.ceiling!)));
});
