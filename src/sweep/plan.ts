/** Reads a plan: bytes -> checked cells. Looks at no file but the plan; `ready_cells.ts` does. */

import { isModelFile } from "../attacks/backdoor.ts";
import { FormatError } from "../errors.ts";
import { parseJson } from "../formats/json.ts";
import { MADE_TEACHERS } from "../settings/distillation.ts";
import { modelKinds, type PlanModel } from "../settings/plan.ts";
import { path, shownValue, text } from "../text/kinds.ts";
import { shown } from "../text/quoted.ts";
import { type Cell, expandRow, MAXIMUM_CELLS, type NamedFiles, readCell } from "./plan_rows.ts";
import { checkKeys, namedEntries, object, readSettings, setting } from "./plan_values.ts";

/** A checked plan. */
export interface Plan {
  /** Heading of the report. */
  readonly title: string;
  /** What is asked; may be empty. */
  readonly description: string;
  /** Folder of the data sets, where the plan names one. */
  readonly data: string | undefined;
  /** In the order of the file; the last axis of a row turns fastest. */
  readonly cells: readonly Cell[];
}

/** The texts of a plan; its other keys hold objects and rows. */
const TEXTS = {
  title: text("text", "text"),
  description: text("text", "text"),
  data: path("the path of a folder"),
};

const PLAN_KEYS = [...Object.keys(TEXTS), "models", "teachers", "defaults", "cells"];

/**
 * Reads the bytes of a plan file.
 *
 * @param source For messages: the file's name.
 * @throws {FormatError} for anything but a plan, naming the cell or row and the key.
 */
export function parsePlan(bytes: Uint8Array, source: string): Plan {
  const plan = object(parsePlanText(bytes, source), `the plan ${source}`);
  checkKeys(plan, PLAN_KEYS, source);
  const { title, description, data } = readSettings(
    Object.fromEntries(Object.entries(plan).filter(([key]) => key in TEXTS)),
    TEXTS,
    ["title"],
    source,
  );
  const models = new Map(
    namedEntries(plan.models, `"models" of ${source}`).map(([name, model]) => [
      name,
      readModel(model, `model "${name}" of ${source}`),
    ]),
  );
  if (models.size === 0) throw new FormatError(`cannot use ${source}: "models" names no model`);
  for (const [name, { ceiling }] of models) {
    if (ceiling === undefined || models.has(ceiling)) continue;
    throw new FormatError(
      `cannot use model "${name}" of ${source}: "ceiling" is "${ceiling}", which "models" does not name`,
    );
  }
  const teachers = new Map(
    namedEntries(plan.teachers ?? {}, `"teachers" of ${source}`).map(([name, file]) => [
      name,
      String(setting(file, path("the path of a file"), name, `"teachers" of ${source}`)),
    ]),
  );
  const hidden = MADE_TEACHERS.find((name) => teachers.has(name));
  if (hidden !== undefined) {
    throw new FormatError(`cannot use "teachers" of ${source}: "${hidden}" has a meaning already`);
  }
  const defaults = object(plan.defaults ?? {}, `"defaults" of ${source}`);
  return {
    title: String(title),
    description: String(description ?? ""),
    data: data === undefined ? undefined : String(data),
    cells: readRows(plan.cells, defaults, { models, teachers }, source),
  };
}

/** All cells of all rows. */
function readRows(
  rows: unknown,
  defaults: Record<string, unknown>,
  tables: NamedFiles,
  source: string,
): Cell[] {
  if (!Array.isArray(rows) || rows.length === 0) {
    throw new FormatError(`cannot use ${source}: expected "cells" to be a list of rows`);
  }
  const cells: Cell[] = [];
  const rowOf = new Map<string, number>();
  rows.forEach((value: unknown, i) => {
    const where = `row ${i + 1} of "cells" in ${source}`;
    const row = { ...defaults, ...object(value, where) };
    for (const settings of expandRow(row, where, MAXIMUM_CELLS - cells.length)) {
      const cell = readCell(settings, tables, where);
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
  return cells;
}

function parsePlanText(bytes: Uint8Array, source: string): unknown {
  const attempt = `cannot read the plan ${shown(source)}`;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new FormatError(`${attempt}: it is not JSON (not UTF-8)`, { cause: error });
  }
  return parseJson(text, attempt);
}

function readModel(value: unknown, where: string): PlanModel {
  const found = object(value, where);
  const model = readSettings(found, modelKinds(), ["model", "dataset"], where);
  const { attack } = model;
  if (typeof attack !== "string" || attack === "recorded" || isModelFile(attack)) {
    for (const key of ["target", "target-mode", "attack-options"]) {
      if (model[key] === undefined) continue;
      throw new FormatError(
        `cannot use ${where}: "${key}" needs "attack" to name an attack, found ` +
          shownValue(attack),
      );
    }
  }
  return model as PlanModel;
}
