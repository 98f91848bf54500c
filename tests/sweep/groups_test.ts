/** What cells are judged by, and how they are put together. */

import assert from "node:assert/strict";
import {
  averageOverModels,
  compareWithControls,
  compareWithoutAttention,
  groupBySettings,
} from "../../src/sweep/groups.ts";
import { measuresOf } from "../../src/sweep/measures.ts";
import { finish, planOf, resultOf } from "./results.ts";

const near = (found: number | undefined, expected: number) =>
  assert.ok(Math.abs(found! - expected) < 1e-12, `${found}, expected ${expected}`);

Deno.test("measuresOf() computes DER and RIR from losses and gains alone", () => {
  const good = measuresOf(resultOf([0.9, 1, 0], [0.88, 0.05, 0.8]));
  near(good.der, (0.95 - 0.02 + 1) / 2);
  near(good.rir, (0.8 - 0.02 + 1) / 2);
  // Gained accuracy and a stronger attack count as nothing.
  const odd = measuresOf(resultOf([0.8, 0.5, 0.3], [0.9, 0.6, 0.2]));
  near(odd.der, 0.5);
  near(odd.rir, 0.5);
});

Deno.test("measuresOf() has only accuracies where no attack is measured", () => {
  assert.deepEqual(measuresOf(resultOf([0.9], [0.8])), { accuracyBefore: 0.9, accuracy: 0.8 });
});

Deno.test("measuresOf() leaves out what no image could show", () => {
  const { before, after, run } = resultOf([0.9, 1, 0], [0.8, 0, 0.5]);
  const shares = { samples: 0, successRate: null, recoveredAccuracy: null };
  const untested = { ...after, attack: { ...after.attack!, ...shares } };
  assert.deepEqual(measuresOf({ before, after: untested, run }), {
    accuracyBefore: 0.9,
    accuracy: 0.8,
    attackSuccessBefore: 1,
  });
});

Deno.test("measuresOf() states recovered accuracy as a share of a clean network's", () => {
  const { after: ceiling } = resultOf([0.9, 0, 0], [0.9, 0.1, 0.8]);
  near(measuresOf(resultOf([0.9, 1, 0], [0.88, 0.05, 0.6]), ceiling).ofCeiling, 0.75);
  // Neither a ceiling of 0 nor one without an attack is one.
  const { after: useless } = resultOf([0.9, 1, 0], [0.9, 1, 0]);
  assert.equal(measuresOf(resultOf([0.9, 1, 0], [0.9, 0, 0.6]), useless).ofCeiling, undefined);
  const { after: plain } = resultOf([0.9], [0.9]);
  assert.equal(measuresOf(resultOf([0.9, 1, 0], [0.9, 0, 0.6]), plain).ofCeiling, undefined);
});

Deno.test("groupBySettings() puts cells together that differ by the seed alone", () => {
  const plan = planOf([
    { model: ["a", "b"], defense: "nad", betas: ["1,1,1", "2,2,2"], seed: [3, 1, 2] },
  ]);
  const finished = finish(plan, ({ settings: { seed } }) => [0.8 + seed / 100, 0.1, 0.7]);
  const groups = groupBySettings(finished);
  assert.equal(groups.length, 4);
  assert.deepEqual(groups[0]?.settings, {
    model: "a",
    defense: "nad",
    recipe: "lethe",
    betas: "1,1,1",
  });
  assert.deepEqual(groups[0]?.seeds, [1, 2, 3]);
  near(groups[0]?.summaries.accuracy?.mean, 0.82);
  near(
    groups[0]?.summaries.accuracy?.halfWidth ?? undefined,
    4.302652729749464 * 0.01 / Math.sqrt(3),
  );
  near(groups[0]?.summaries.attackSuccess?.halfWidth ?? undefined, 0);
});

Deno.test("averageOverModels() takes seeds that every model has, each as one value", () => {
  const plan = planOf([{ model: ["a", "b"], defense: ["nad", "mcr"], seed: [1, 2] }]);
  const finished = finish(plan, ({ settings: { model, defense, seed } }) => {
    if (model === "b" && defense === "nad" && seed === 2) return undefined;
    return [0.8, model === "a" ? 0.1 : 0.3, 0.5];
  });
  const averages = averageOverModels(plan.cells, finished);
  assert.deepEqual(
    averages.map(({ settings, models, seeds }) => [settings.defense, models, seeds]),
    [["nad", 2, [1]], ["mcr", 2, [1, 2]]],
  );
  near(averages[0]?.summaries.attackSuccess?.mean, 0.2);
  const one = planOf([{ model: "a", defense: "nad" }]);
  assert.deepEqual(averageOverModels(one.cells, finish(one, () => [0.8, 0.1, 0.5])), []);
});

Deno.test("compareWithControls() pairs NAD with finetuning of equal settings by seed", () => {
  const plan = planOf([
    { model: "a", defense: "finetune", "clean-fraction": [0.05, 0.1], epochs: 5, seed: [1, 2, 3] },
    {
      model: "a",
      defense: "nad",
      "clean-fraction": 0.05,
      epochs: 5,
      betas: "1,1,1",
      attention: "mean",
      "teacher-epochs": 3,
      seed: [1, 2, 4],
    },
  ]);
  const finished = finish(plan, ({ settings }) => {
    const { seed, defense } = settings;
    if (settings["clean-fraction"] === 0.1) return [0.5, 0.9, 0.1];
    return defense === "nad" ? [0.85, 0.04 * seed, 0.7] : [0.85, 0.05 * seed, 0.6];
  });
  const comparisons = compareWithControls(plan.cells, finished);
  assert.equal(comparisons.length, 1);
  const [{ seeds, differences }] = comparisons as [typeof comparisons[0]];
  assert.deepEqual(seeds, [1, 2], "seed 3 has no NAD cell, seed 4 no control");
  // Differences of attack success: -0.01 and -0.02.
  near(differences.attackSuccess?.mean, -0.015);
  near(differences.attackSuccess?.halfWidth ?? undefined, 12.706204736174683 * 0.005);
  near(differences.recovered?.mean, 0.1);
});

Deno.test("compareWithControls() does not take other epochs, recipes or models for a control", () => {
  const plan = planOf([
    { model: "a", defense: "finetune", epochs: 5 },
    { model: "a", defense: "nad", epochs: 10 },
    { model: "a", defense: "nad", epochs: 5, recipe: "paper" },
    { model: "b", defense: "nad", epochs: 5 },
  ]);
  const comparisons = compareWithControls(plan.cells, finish(plan, () => [0.8, 0.1, 0.5]));
  assert.deepEqual(comparisons.map(({ seeds }) => seeds), [[], [], []]);
});

Deno.test("compareWithControls() adds the mean over models, of seeds that all have in pairs", () => {
  const plan = planOf([
    { model: ["a", "b"], defense: ["finetune", "nad"], seed: [1, 2, 3] },
    { model: "a", defense: "nad", epochs: 5 },
    { model: "a", defense: "finetune", epochs: 5 },
  ]);
  const finished = finish(plan, ({ settings: { model, defense, seed } }) => {
    if (model === "b" && defense === "finetune" && seed === 2) return undefined;
    if (defense === "finetune") return [0.8, 0.3, 0.5];
    return [0.8, model === "a" ? 0.1 : 0.2, 0.5];
  });
  const comparisons = compareWithControls(plan.cells, finished);
  assert.deepEqual(
    comparisons.map(({ settings, models, seeds }) => [settings.model ?? models, seeds]),
    [
      ["a", [1, 2, 3]],
      ["b", [1, 3]],
      ["a", [1]],
      [2, [1, 3]],
    ],
  );
  near(comparisons[3]?.differences.attackSuccess?.mean, -0.15);
  near(comparisons[3]?.differences.attackSuccess?.halfWidth ?? undefined, 0);
});

Deno.test("compareWithoutAttention() pairs NAD with NAD of betas 0, where there is such a cell", () => {
  const plan = planOf([
    { model: "a", defense: "finetune" },
    { model: ["a", "b"], defense: "nad", betas: ["1,1,1", "auto"], attention: "mean" },
    { model: "a", defense: "nad", betas: "0,0,0" },
    { model: "a", defense: "nad", recipe: "paper" },
  ]);
  const finished = finish(
    plan,
    ({ settings }) => [settings.betas === "0,0,0" ? 0.7 : 0.8, 0.1, 0.5],
  );
  const comparisons = compareWithoutAttention(plan.cells, finished);
  assert.deepEqual(comparisons.map(({ settings: { model, betas } }) => [model, betas]), [
    ["a", "1,1,1"],
    ["a", "auto"],
  ]);
  near(comparisons[0]?.differences.accuracy?.mean, 0.1);
});
