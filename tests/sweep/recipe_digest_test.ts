/** Which changes of a recipe make another cell. */

import assert from "node:assert/strict";
import { type Recipe, RECIPES } from "../../src/defenses/recipes.ts";
import type { CellSettings } from "../../src/settings/plan.ts";
import { recipeDigest } from "../../src/sweep/recipe_digest.ts";

const settings = (defense: string, more: Partial<CellSettings> = {}): CellSettings => ({
  model: "a",
  defense,
  recipe: "lethe",
  seed: 1,
  ...more,
});

/** Whether a cell is another one where the recipe has other values. */
function notices(cell: CellSettings, change: Partial<Recipe>): boolean {
  const changed = { lethe: { ...RECIPES.lethe, ...change } };
  return recipeDigest(cell) !== recipeDigest(cell, changed);
}

Deno.test("recipeDigest() notices every value that a defence uses, and no other", () => {
  assert.match(recipeDigest(settings("nad"))!, /^[0-9a-f]{16}$/);
  for (const defense of ["nad", "finetune", "fine-pruning", "mcr"]) {
    for (const change of [{ epochs: 99 }, { learningRate: 9 }, { cutout: 2 }, { averaging: 0.5 }]) {
      assert.ok(notices(settings(defense), change), `${defense} ${JSON.stringify(change)}`);
    }
    assert.ok(!notices(settings(defense), { description: "other words" }));
    assert.equal(notices(settings(defense), { betas: [1, 2, 3] }), defense === "nad");
    assert.equal(notices(settings(defense), { logits: 9 }), defense === "nad");
    assert.equal(notices(settings(defense), { extrapolation: 0.7 }), defense !== "mcr");
    assert.equal(
      notices(settings(defense), { teacherEpochs: 99 }),
      ["nad", "mcr"].includes(defense),
    );
  }
});

Deno.test("recipeDigest() leaves out what a cell sets itself, and a defence that does not train", () => {
  const given = settings("nad", { betas: "0,0,0", "weight-decay": 0 });
  assert.ok(!notices(given, { betas: [1, 2, 3] }));
  assert.ok(!notices(given, { weightDecay: 9 }));
  assert.ok(notices(given, { labels: 9 }));
  assert.equal(recipeDigest(settings("none")), undefined);
});
