/** From a row of a plan to its cells. */

import { nearestName } from "../data/nearest_name.ts";
import { FormatError } from "../errors.ts";
import { MADE_TEACHERS } from "../settings/distillation.ts";
import { cellKinds, type CellSettings, type PlanModel, plannedRows } from "../settings/plan.ts";
import { SETTINGS } from "../settings/table.ts";
import { quoted } from "../text/quoted.ts";
import { cellId } from "./cell_id.ts";
import { readSettings } from "./plan_values.ts";

/** One run of one defence. */
export interface Cell {
  /** Readable, unique in the plan, and a function of the settings alone. */
  readonly id: string;
  /** What the row says, with defaults for recipe and seed. */
  readonly settings: CellSettings;
  /** The model of that name. */
  readonly model: PlanModel;
  /** File of the teacher of that name, where it is read from one. */
  readonly teacher: string | undefined;
}

/** What a row can name. */
export interface NamedFiles {
  /** Models by name. */
  readonly models: ReadonlyMap<string, PlanModel>;
  /** Files of teachers by name. */
  readonly teachers: ReadonlyMap<string, string>;
}

/** Cells that a plan may have: more than that is a slip, and would only fill the memory. */
export const MAXIMUM_CELLS = 10_000;

/**
 * The product of a row's axes: settings of one cell each, the last axis turning fastest.
 *
 * @param most Cells that there is still room for.
 * @throws {FormatError} for an empty axis, or too many cells.
 */
export function expandRow(
  row: Record<string, unknown>,
  where: string,
  most: number,
): Record<string, unknown>[] {
  let product: Record<string, unknown>[] = [{}];
  for (const [key, value] of Object.entries(row)) {
    const values: unknown[] = Array.isArray(value) ? value : [value];
    if (values.length === 0) {
      throw new FormatError(`cannot use ${where}: "${key}" is an empty list`);
    }
    if (product.length * values.length > most) {
      throw new FormatError(
        `cannot use ${where}: the plan has more than ${MAXIMUM_CELLS} cells at "${key}"`,
      );
    }
    product = product.flatMap((cell) => values.map((one) => ({ ...cell, [key]: one })));
  }
  return product;
}

const KINDS = cellKinds();
const ROWS = plannedRows("cell");
const REQUIRED = ["model", "defense"];
const DEFAULTS = { recipe: SETTINGS.recipe.default, seed: SETTINGS.seed.default };

/**
 * The cell of these settings.
 *
 * @throws {FormatError} naming the cell, once it has a name, and the key.
 */
export function readCell(
  row: Record<string, unknown>,
  { models, teachers }: NamedFiles,
  where: string,
): Cell {
  const settings = readSettings({ ...DEFAULTS, ...row }, KINDS, REQUIRED, where);
  const cell = settings as CellSettings;
  const id = cellId(settings);
  const refuse = (reason: string): never => {
    throw new FormatError(`cannot use cell ${id} (${where}): ${reason}`);
  };
  const model = models.get(cell.model) ??
    refuse(unknownName("model", cell.model, "models", [...models.keys()]));
  const { teacher } = cell;
  const given = teacher !== undefined && !MADE_TEACHERS.some((made) => made === teacher);
  if (given && !teachers.has(teacher)) {
    refuse(unknownName("teacher", teacher, "teachers", [...MADE_TEACHERS, ...teachers.keys()]));
  }
  for (const [key, { defenses }] of ROWS) {
    if (settings[key] === undefined || !defenses || defenses.includes(cell.defense)) continue;
    refuse(`"${key}" is for defense ${defenses.join(" or ")}, found "${cell.defense}"`);
  }
  if (teacher !== undefined && teacher !== "finetuned" && cell["teacher-epochs"] !== undefined) {
    refuse(`"teacher-epochs" is for a finetuned teacher, found teacher "${teacher}"`);
  }
  if (cell["clean-fraction"] !== undefined && cell["train-indices"] !== undefined) {
    refuse(`found "clean-fraction" and "train-indices", expected one of them`);
  }
  return {
    id,
    settings: cell,
    model,
    teacher: given ? teachers.get(teacher) : undefined,
  };
}

function unknownName(key: string, name: string, table: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  return `"${key}" is ${quoted(name)}, which "${table}" does not name` +
    (near === undefined ? "" : `; did you mean "${near}"?`);
}
