/** What of a recipe determines a cell, so that results of a recipe that has changed are not mixed. */

import { createHash } from "node:crypto";
import { type Recipe, RECIPES } from "../defenses/recipes.ts";
import { findDefense } from "../defenses/defenses.ts";
import { type CellSettings, plannedRows } from "../settings/plan.ts";
import { kebabCase } from "../settings/setting.ts";

/** What cells set, by key. */
const ROWS = new Map(plannedRows("cell"));

/**
 * SHA-256 (the first 16 hexadecimal digits) of the recipe's values that count for a cell: those that
 * its defence uses and its settings do not replace. Undefined for a defence that trains on nothing.
 * A value is replaced by the setting of its own name alone: `lr` does not replace `learningRate`, for
 * the digests of cells that have finished say so.
 */
export function recipeDigest(
  settings: CellSettings,
  recipes: Readonly<Record<string, Recipe>> = RECIPES,
  rows = ROWS,
): string | undefined {
  if (!findDefense(settings.defense).trains) return undefined;
  const counting = Object.entries(recipes[settings.recipe]!)
    .filter(([name]) => {
      const key = kebabCase(name);
      return name !== "description" && !Object.hasOwn(settings, key) &&
        (rows.get(key)?.defenses?.includes(settings.defense) ?? true);
    })
    .sort(([a], [b]) => a < b ? -1 : 1);
  return createHash("sha256").update(JSON.stringify(counting)).digest("hex").slice(0, 16);
}
