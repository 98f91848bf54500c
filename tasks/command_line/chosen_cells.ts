/** Which of a plan's cells the flags choose. */

import { nearestName } from "../../src/data/nearest_name.ts";
import { UsageError } from "../../src/errors.ts";
import type { Plan } from "../../src/sweep/plan.ts";
import type { Cell } from "../../src/sweep/plan_rows.ts";

/**
 * The cells that `--only` names, in the plan's order.
 *
 * @throws {UsageError} for a name that fits none.
 */
export function chooseCells(plan: Plan, only: readonly string[] | undefined): readonly Cell[] {
  if (!only) return plan.cells;
  const patterns = only.map((text) => {
    const expression = new RegExp(`^${text.split("*").map(RegExp.escape).join(".*")}$`);
    if (plan.cells.some(({ id }) => expression.test(id))) return expression;
    const near = nearestName(text, plan.cells.map(({ id }) => id));
    throw new UsageError(
      `cannot run only "${text}": no cell has that name` +
        (near === undefined ? "; --dry-run lists them" : `; did you mean "${near}"?`),
    );
  });
  return plan.cells.filter(({ id }) => patterns.some((expression) => expression.test(id)));
}
