/** Plans: what they expand to, what is refused and in which words, and damage at random. */

import assert from "node:assert/strict";
import { FormatError } from "../../src/errors.ts";
import { parsePlan, type Plan } from "../../src/sweep/plan.ts";
import { MAXIMUM_CELLS } from "../../src/sweep/plan_rows.ts";
import { fuzz, fuzzCount } from "../formats/mutate.ts";

const MODELS = {
  badnets: { model: "badnets.safetensors", dataset: "cifar10", attack: "recorded" },
  blend: { model: "blend.pth", dataset: "signs", attack: "blend", target: 3 },
};

const PLAN = {
  title: "A plan",
  description: "What is asked.",
  data: "../data",
  models: MODELS,
  teachers: { "wrn-16-2": "teacher.safetensors" },
  defaults: { recipe: "paper", seed: [1, 2] },
  cells: [
    { model: ["badnets", "blend"], defense: "finetune", "clean-fraction": 0.05 },
    { model: "badnets", defense: "nad", betas: ["500,1000,1000", "5, 1e1,10", "auto"], seed: 1 },
    { model: "badnets", defense: "nad", teacher: "wrn-16-2", attention: "mean", power: 1 },
  ],
};

const bytesOf = (plan: unknown) => new TextEncoder().encode(JSON.stringify(plan));

function parse(plan: unknown): Plan {
  return parsePlan(bytesOf(plan), "plan.json");
}

Deno.test("parsePlan() expands axes, with defaults beneath rows", () => {
  const plan = parse(PLAN);
  assert.deepEqual(
    [plan.title, plan.description, plan.data],
    ["A plan", "What is asked.", "../data"],
  );
  assert.deepEqual(plan.cells.map(({ id }) => id), [
    "badnets_finetune_paper_clean-fraction-0.05_seed-1",
    "blend_finetune_paper_clean-fraction-0.05_seed-1",
    "badnets_finetune_paper_clean-fraction-0.05_seed-2",
    "blend_finetune_paper_clean-fraction-0.05_seed-2",
    "badnets_nad_paper_betas-500+1000+1000_seed-1",
    "badnets_nad_paper_betas-5+10+10_seed-1",
    "badnets_nad_paper_betas-auto_seed-1",
    "badnets_nad_paper_teacher-wrn-16-2_attention-mean_power-1_seed-1",
    "badnets_nad_paper_teacher-wrn-16-2_attention-mean_power-1_seed-2",
  ]);
  const { settings, model, teacher } = plan.cells.at(-1)!;
  assert.deepEqual(settings, {
    model: "badnets",
    defense: "nad",
    recipe: "paper",
    teacher: "wrn-16-2",
    attention: "mean",
    power: 1,
    seed: 2,
  });
  assert.deepEqual(model, MODELS.badnets);
  assert.equal(teacher, "teacher.safetensors");
});

Deno.test("parsePlan() names cells by their settings alone, so that a plan can grow", () => {
  const grown = parse({
    ...PLAN,
    models: { ...MODELS, third: MODELS.badnets },
    cells: [{ model: "third", defense: "mcr", "curve-position": 0.5 }, ...PLAN.cells],
  });
  const ids = new Set(grown.cells.map(({ id }) => id));
  assert.ok(parse(PLAN).cells.every(({ id }) => ids.has(id)));
});

Deno.test("parsePlan() keeps names of cells short enough for a folder, and apart", () => {
  const long = "m".repeat(60);
  const row = { model: long, defense: "nad", betas: "123456.789,123456.789,123456.789", seed: 1 };
  const plan = parse({
    ...PLAN,
    models: { [long]: MODELS.badnets },
    teachers: { [long]: "teacher.pth" },
    defaults: { recipe: "authors", teacher: long, "train-indices": "100000:200000" },
    cells: [row, { ...row, seed: 2 }],
  });
  const ids = plan.cells.map(({ id }) => id);
  assert.deepEqual(ids.map((id) => id.length), [200, 200]);
  assert.notEqual(ids[0], ids[1]);
});

/** Changes to {@linkcode PLAN} with what they are refused for. */
const REFUSED: readonly (readonly [name: string, change: object, message: RegExp])[] = [
  ["an unknown key", { modles: {} }, /unknown key "modles", expected "models" perhaps$/],
  ["no title", { title: undefined }, /plan\.json: "title" is missing, expected text$/],
  ["no models", { models: {} }, /"models" names no model$/],
  ["a list of models", { models: [] }, /"models" of plan\.json: found \[\], expected an object$/],
  ["a name with a slash", { models: { "a/b": MODELS.blend } }, /found "a\/b", expected a name of/],
  [
    "a model without a data set",
    { models: { badnets: { model: "x" } } },
    /model "badnets" of plan\.json: "dataset" is missing/,
  ],
  [
    "a model's unknown key",
    { models: { badnets: { ...MODELS.badnets, seed: 1 } } },
    /model "badnets" of plan\.json: unknown key "seed", expected one of model, arch/,
  ],
  [
    "a target without an attack",
    { models: { badnets: { ...MODELS.badnets, target: 1 } } },
    /"target" needs "attack" to name an attack, found "recorded"$/,
  ],
  ["no cells", { cells: [] }, /expected "cells" to be a list of rows$/],
  ["a row that is none", { cells: [3] }, /row 1 of "cells" in plan\.json: found 3, expected an/],
  ["an empty axis", { cells: [{ seed: [] }] }, /row 1 .*"seed" is an empty list$/],
  [
    "an unknown setting",
    { cells: [{ model: "badnets", defense: "nad", beta: 1 }] },
    /row 1 of "cells" in plan\.json: unknown key "beta", expected "betas" perhaps$/,
  ],
  [
    "an unknown defence",
    { cells: [{ model: "badnets", defense: "nda" }] },
    /row 1 .*"defense" is "nda", expected one of .*fine-pruning/,
  ],
  ["no defence", { cells: [{ model: "badnets" }] }, /row 1 .*"defense" is missing/],
  [
    "an unknown recipe",
    { cells: [{ model: "badnets", defense: "nad", recipe: "papers" }] },
    /"recipe" is "papers", expected one of lethe, paper, authors$/,
  ],
  [
    "an unknown model",
    { cells: [{ model: "badnet", defense: "nad" }] },
    /cell badnet_nad_paper_seed-1 \(row 1 .*"models" does not name; did you mean "badnets"\?$/,
  ],
  [
    "an unknown teacher",
    { cells: [{ model: "badnets", defense: "nad", teacher: "large" }] },
    /cell badnets_nad_paper_teacher-large_seed-1 .*"teacher" is "large", which "teachers" does/,
  ],
  [
    "a setting of another defence",
    { cells: [{ model: "badnets", defense: "finetune", betas: "1,1,1" }] },
    /cell badnets_finetune_.*: "betas" is for defense nad, found "finetune"$/,
  ],
  [
    "two subsets",
    { cells: [{ model: "badnets", defense: "nad", "clean-fraction": 1, "train-indices": "0:9" }] },
    /found "clean-fraction" and "train-indices", expected one of them$/,
  ],
  [
    "epochs of a given teacher",
    { cells: [{ model: "badnets", defense: "nad", teacher: "wrn-16-2", "teacher-epochs": 3 }] },
    /"teacher-epochs" is for a finetuned teacher, found teacher "wrn-16-2"$/,
  ],
  [
    "a negative beta",
    { cells: [{ model: "badnets", defense: "nad", betas: "1,-2" }] },
    /"betas" is "1,-2", expected one of auto, or a number of at least 0 for each tap as text$/,
  ],
  [
    "a number as text",
    { cells: [{ model: "badnets", defense: "nad", lr: "0.1" }] },
    /"lr" is "0.1", expected a number above 0$/,
  ],
  [
    "a cell that stands twice",
    {
      cells: [{ model: "badnets", defense: "nad" }, { model: "badnets", defense: "nad", seed: 2 }],
    },
    /row 2 .*: cell badnets_nad_paper_seed-2 stands in row 1 already$/,
  ],
  [
    "equal values of an axis",
    { cells: [{ model: "badnets", defense: "nad", seed: [4, 4] }] },
    /row 1 .*: cell badnets_nad_paper_seed-4 stands in row 1 already$/,
  ],
  [
    "too many cells",
    { cells: [{ seed: Array(200).fill(1), epochs: Array(200).fill(1), lr: Array(200).fill(1) }] },
    new RegExp(`more than ${MAXIMUM_CELLS} cells at "epochs"$`),
  ],
];

for (const [name, change, message] of REFUSED) {
  Deno.test(`parsePlan() refuses ${name}`, () => {
    assert.throws(() => parse({ ...PLAN, ...change }), (error) => {
      assert.ok(error instanceof FormatError, String(error));
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("parsePlan() refuses what is no JSON", () => {
  for (const text of ["", "{", "\xff", '{ "title": "x", }']) {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    assert.throws(
      () => parsePlan(bytes, "p"),
      /^FormatError: cannot read the plan p: it is not JSON/,
    );
  }
});

Deno.test("parsePlan() refuses values that are nested or huge in a few words", () => {
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  for (
    const value of [
      deep,
      `"${"x".repeat(1e6)}"`,
      "1e999",
      `{"a":${"[".repeat(50)}${"]".repeat(50)}}`,
    ]
  ) {
    const text = JSON.stringify(PLAN).replace('"recipe":"paper"', `"recipe":${value}`);
    assert.throws(
      () => parsePlan(new TextEncoder().encode(text), "p"),
      (error) => error instanceof FormatError && error.message.length < 600,
    );
  }
});

Deno.test("parsePlan() takes no longer for a corruption that is long", () => {
  const corruption = "mix:" + "0".repeat(100_000) + "!";
  const cells = [{ model: "badnets", defense: "nad", corruption }];
  assert.throws(
    () => parse({ ...PLAN, cells }),
    /"corruption" is "mix:0+" and .* expected some of/,
  );
});

Deno.test("parsePlan() takes names of built-in properties for names", () => {
  const plan = parse({
    ...PLAN,
    models: { constructor: MODELS.badnets },
    cells: [{ model: "constructor", defense: "nad" }],
  });
  assert.equal(plan.cells.length, 2);
  const hostile = '{ "title": "x", "models": {}, "cells": [], "__proto__": {} }';
  assert.throws(() => parsePlan(new TextEncoder().encode(hostile), "p"), /unknown key "__proto__"/);
});

Deno.test("parsePlan() takes damaged plans with plans or FormatErrors alone", async () => {
  const corpus = [PLAN, { ...PLAN, cells: PLAN.cells.slice(0, 1) }].map(bytesOf);
  const pretty = new TextEncoder().encode(JSON.stringify(PLAN, null, 1));
  const parsePlanOf = (bytes: Uint8Array) => parsePlan(bytes, "p");
  const result = await fuzz(parsePlanOf, [...corpus, pretty], fuzzCount(), 20261122);
  assert.ok(result.accepted > 0 && result.refused > 0);
});
