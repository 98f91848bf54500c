/** Reads a plan: bytes -> checked cells. Looks at no file but the plan; `ready_cells.ts` does. */

import { nearestName } from "../data/nearest_name.ts";
import { FormatError } from "../errors.ts";
import { cellId } from "./cell_id.ts";
import {
  type CellSettings,
  CONCERNS,
  MODEL_KINDS,
  NAME,
  type PlanModel,
  ROW_KINDS,
  type Settings,
} from "./plan_file.ts";
import { type Kind, type SettingValue, text } from "./setting_kinds.ts";

/** One run of one defence. */
export interface Cell {
  /** Readable, unique in the plan, and a function of the settings alone. */
  readonly id: string;
  /** What the row says, with defaults for recipe and seed. */
  readonly settings: CellSettings;
  /** The model of that name. */
  readonly model: PlanModel;
  /** File of the teacher of that name. */
  readonly teacher: string | undefined;
}

/** A checked plan. */
export interface Plan {
  readonly title: string;
  readonly description: string;
  /** Folder of the data sets, where the plan names one. */
  readonly data: string | undefined;
  /** In the order of the file; the last axis of a row turns fastest. */
  readonly cells: readonly Cell[];
}

/** Cells that a plan may have: more than that is a slip, and would only fill the memory. */
export const MAXIMUM_CELLS = 10_000;

const PLAN_KEYS = ["title", "description", "data", "models", "teachers", "defaults", "cells"];

/**
 * Reads the bytes of a plan file.
 *
 * @param source For messages: the file's name.
 * @throws {FormatError} for anything but a plan, naming the cell or row and the key.
 */
export function parsePlan(bytes: Uint8Array, source: string): Plan {
  const plan = object(parseJson(bytes, source), `the plan ${source}`);
  checkKeys(plan, PLAN_KEYS, source);
  const models = new Map(
    entries(plan.models, `"models" of ${source}`).map(([name, model]) => [
      name,
      readModel(model, `model "${name}" of ${source}`),
    ]),
  );
  if (models.size === 0) throw new FormatError(`cannot use ${source}: "models" names no model`);
  const teachers = new Map(
    entries(plan.teachers ?? {}, `"teachers" of ${source}`).map(([name, file]) => [
      name,
      String(setting(file, text("the path of a file"), name, `"teachers" of ${source}`)),
    ]),
  );
  const defaults = object(plan.defaults ?? {}, `"defaults" of ${source}`);
  if (!Array.isArray(plan.cells) || plan.cells.length === 0) {
    throw new FormatError(`cannot use ${source}: expected "cells" to be a list of rows`);
  }
  const cells: Cell[] = [];
  const rowOf = new Map<string, number>();
  plan.cells.forEach((value: unknown, i) => {
    const where = `row ${i + 1} of "cells" in ${source}`;
    const row = { ...defaults, ...object(value, where) };
    for (const settings of expandRow(row, where, MAXIMUM_CELLS - cells.length)) {
      const cell = readCell(settings, models, teachers, where);
      // Some file systems do not tell letters of different case apart.
      const key = cell.id.toLowerCase();
      const earlier = rowOf.get(key);
      if (earlier !== undefined) {
        throw new FormatError(
          `cannot use ${where}: cell ${cell.id} stands in row ${earlier + 1} already`,
        );
      }
      rowOf.set(key, i);
      cells.push(cell);
    }
  });
  return {
    title: String(setting(plan.title, text("text"), "title", source)),
    description: plan.description === undefined
      ? ""
      : String(setting(plan.description, text("text"), "description", source)),
    data: plan.data === undefined
      ? undefined
      : String(setting(plan.data, text("the path of a folder"), "data", source)),
    cells,
  };
}

function parseJson(bytes: Uint8Array, source: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FormatError(`cannot read the plan ${source}: it is not JSON (${reason})`, {
      cause: error,
    });
  }
}

function object(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FormatError(`cannot use ${where}: found ${shown(value)}, expected an object`);
  }
  return value as Record<string, unknown>;
}

/** The entries of an object whose keys are names. */
function entries(value: unknown, where: string): [string, unknown][] {
  const found = Object.entries(object(value, where));
  for (const [name] of found) {
    if (NAME.read(name) === undefined) {
      throw new FormatError(`cannot use ${where}: found "${name}", expected ${NAME.expected}`);
    }
  }
  return found;
}

function checkKeys(found: object, known: readonly string[], where: string): void {
  for (const key of Object.keys(found)) {
    if (known.includes(key)) continue;
    const near = nearestName(key, known);
    throw new FormatError(
      `cannot use ${where}: unknown key "${key}", expected ` +
        (near === undefined ? `one of ${known.join(", ")}` : `"${near}" perhaps`),
    );
  }
}

function setting(value: unknown, kind: Kind, key: string, where: string): SettingValue {
  const found = kind.read(value);
  if (found !== undefined) return found;
  throw new FormatError(
    `cannot use ${where}: "${key}" is ${shown(value)}, expected ${kind.expected}`,
  );
}

function shown(value: unknown): string {
  return value === undefined ? "missing" : JSON.stringify(value).slice(0, 80);
}

/** Reads settings of which each has a kind. */
function readSettings(
  found: Record<string, unknown>,
  kinds: Readonly<Record<string, Kind>>,
  where: string,
): Settings {
  checkKeys(found, Object.keys(kinds), where);
  return Object.fromEntries(
    Object.entries(kinds).filter(([key]) => Object.hasOwn(found, key))
      .map(([key, kind]) => [key, setting(found[key], kind, key, where)]),
  );
}

function readModel(value: unknown, where: string): PlanModel {
  const found = object(value, where);
  const model = readSettings(found, MODEL_KINDS, where);
  for (const key of ["model", "dataset"] as const) {
    setting(found[key], MODEL_KINDS[key], key, where);
  }
  if (model.attack === undefined || model.attack === "recorded") {
    for (const key of ["target", "target-mode", "attack-options"]) {
      if (model[key] === undefined) continue;
      throw new FormatError(
        `cannot use ${where}: "${key}" needs "attack" to name an attack, found ` +
          shown(model.attack),
      );
    }
  }
  return model as unknown as PlanModel;
}

/** The product of a row's axes. */
function expandRow(
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

function readCell(
  row: Record<string, unknown>,
  models: ReadonlyMap<string, PlanModel>,
  teachers: ReadonlyMap<string, string>,
  where: string,
): Cell {
  const settings = readSettings({ recipe: "lethe", seed: 1, ...row }, ROW_KINDS, where);
  for (const key of ["model", "defense"] as const) setting(row[key], ROW_KINDS[key], key, where);
  const cell = settings as unknown as CellSettings;
  const id = cellId(settings);
  const refuse = (reason: string): never => {
    throw new FormatError(`cannot use cell ${id} (${where}): ${reason}`);
  };
  const model = models.get(cell.model) ??
    refuse(unknownName("model", cell.model, "models", [...models.keys()]));
  const teacher = cell.teacher;
  if (teacher !== undefined && !teachers.has(teacher)) {
    refuse(unknownName("teacher", teacher, "teachers", [...teachers.keys()]));
  }
  for (const [key, defenses] of Object.entries(CONCERNS)) {
    if (settings[key] === undefined || defenses.includes(cell.defense)) continue;
    refuse(`"${key}" is for defense ${defenses.join(" or ")}, found "${cell.defense}"`);
  }
  if (teacher !== undefined && cell["teacher-epochs"] !== undefined) {
    refuse(`"teacher-epochs" is for a finetuned teacher, found teacher "${teacher}"`);
  }
  if (cell["clean-fraction"] !== undefined && cell["train-indices"] !== undefined) {
    refuse(`found "clean-fraction" and "train-indices", expected one of them`);
  }
  return {
    id,
    settings: cell,
    model,
    teacher: teacher === undefined ? undefined : teachers.get(teacher),
  };
}

function unknownName(key: string, name: string, table: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  return `"${key}" is "${name}", which "${table}" does not name` +
    (near === undefined ? "" : `; did you mean "${near}"?`);
}
