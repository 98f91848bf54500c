/** What of a recipe determines a cell, so that results of a recipe that has changed are not mixed. */

import { createHash } from "node:crypto";
import { type Recipe, RECIPES } from "../defenses/recipes.ts";
import { findDefense } from "../defenses/defenses.ts";
import type { CellSettings } from "./plan_file.ts";
import { CONCERNS } from "./plan_settings.ts";

/**
 * SHA-256 (the first 16 hexadecimal digits) of the recipe's values that count for a cell: those that
 * its defence uses and its settings do not replace. Undefined for a defence that trains on nothing.
 */
export function recipeDigest(
  settings: CellSettings,
  recipes: Readonly<Record<string, Recipe>> = RECIPES,
): string | undefined {
  if (!findDefense(settings.defense).trains) return undefined;
  const counting = Object.entries(recipes[settings.recipe]!)
    .filter(([name]) => {
      const key = flagName(name) as keyof CellSettings;
      return name !== "description" && settings[key] === undefined &&
        (CONCERNS[key]?.includes(settings.defense) ?? true);
    })
    .sort(([a], [b]) => a < b ? -1 : 1);
  return createHash("sha256").update(JSON.stringify(counting)).digest("hex").slice(0, 16);
}

/** For example `teacher-epochs` for `teacherEpochs`. */
function flagName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
