/**
 * From a plan to cells that can run: finds their files, and states what determines each result.
 * Everything that a plan can be refused for is refused before a cell runs.
 */

import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import { DATASET_NAMES } from "../data/datasets.ts";
import { FormatError, LetheError } from "../errors.ts";
import {
  expectClasses,
  measuredAttack,
  readData,
  readNetwork,
  resolveAttackOptions,
} from "./cell_files.ts";
import type { Plan } from "./plan.ts";
import { recipeDigest } from "./recipe_digest.ts";
import type { Cell } from "./plan_rows.ts";
import type { PlanModel, Settings } from "../settings/plan.ts";

/** A cell whose files are there. */
export interface ReadyCell extends Cell {
  /** Flags of `defend`, all but where the run goes. Paths are absolute. */
  readonly flags: readonly string[];
  /** What determines the result, wherever files lie: settings, digests of recipe and networks. */
  readonly identity: Settings;
  /** SHA-256 of {@linkcode identity}, hexadecimal. */
  readonly digest: string;
  /** Name of the attack that is measured; null where only accuracy is. */
  readonly attack: string | null;
}

/** Where the files of a plan are. */
export interface PlanPlaces {
  /** The plan's own file: its folder is where its relative paths begin. */
  readonly path: string;
  /** Folder of the data sets, in place of what the plan says. */
  readonly data?: string | undefined;
}

/**
 * Checks the files of cells. Each is read once, however many cells need it.
 *
 * @throws {FormatError} naming the first cell that cannot run, the key, and why.
 */
export async function readyCells(
  plan: Plan,
  cells: readonly Cell[],
  places: PlanPlaces,
): Promise<ReadyCell[]> {
  const folder = dirname(resolve(places.path));
  const network = remember((path: string, arch?: string) => readNetwork(path, arch));
  const dataset = remember((name: string, path: string, regionOfInterest: boolean) =>
    readData({ name, path, regionOfInterest })
  );
  const ready: ReadyCell[] = [];
  for (const cell of cells) {
    const model = modelOf(cell);
    const known = DATASET_NAMES.includes(model.dataset);
    const modelPath = resolve(folder, model.model);
    const datasetName = known ? model.dataset : resolve(folder, model.dataset);
    const dataPath = placeOfData(folder, model.data ?? plan.data, places.data);
    const teacherPath = cell.teacher === undefined ? undefined : resolve(folder, cell.teacher);

    const student = await naming(cell, "model", () => network(modelPath, model.arch));
    const attack = await naming(
      cell,
      "attack",
      () => measuredAttack(model, student, (path) => network(resolve(folder, path))),
    );
    const attackOptions = await naming(
      cell,
      "attack-options",
      () => resolveAttackOptions(model, folder),
    );
    const data = await naming(
      cell,
      known ? "data" : "dataset",
      () => dataset(datasetName, dataPath, model.roi ?? false),
    );
    await naming(cell, "dataset", () => expectClasses(student, data));
    const teacher = await naming(cell, "teacher", async () => {
      if (teacherPath === undefined) return undefined;
      const found = await network(teacherPath);
      expectClasses(found, data);
      return found;
    });
    const identity = identityOf(cell, {
      "recipe-sha256": recipeDigest(cell.settings),
      "model-sha256": student.digest,
      "teacher-sha256": teacher?.digest,
      "attack-sha256": attack?.digest,
    });
    ready.push({
      ...cell,
      flags: flagsOf({
        ...cell.settings,
        ...model,
        ceiling: undefined,
        attack: attack?.flag,
        model: modelPath,
        dataset: datasetName,
        data: dataPath,
        "attack-options": attackOptions,
        teacher: teacherPath ?? cell.settings.teacher,
      }),
      identity,
      digest: createHash("sha256").update(JSON.stringify(identity)).digest("hex"),
      attack: attack?.name ?? null,
    });
  }
  return ready;
}

/** Names the cell and the key in what goes wrong. */
async function naming<T>(cell: Cell, key: string, check: () => T | Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof LetheError)) throw error;
    throw new FormatError(`cannot run cell ${cell.id}: "${key}": ${error.message}`, {
      cause: error,
    });
  }
}

/** Calls `read` once for equal arguments. */
function remember<Arguments extends readonly unknown[], T>(
  read: (...args: Arguments) => Promise<T>,
): (...args: Arguments) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (...args) => {
    const key = JSON.stringify(args);
    const found = known.get(key) ?? read(...args);
    known.set(key, found);
    return found;
  };
}

function placeOfData(folder: string, planned: string | undefined, given: string | undefined) {
  if (given !== undefined) return resolve(given);
  return planned === undefined ? resolve("./data") : resolve(folder, planned);
}

/** The model without the share of clean images that the cell's own settings replace. */
function modelOf({ model, settings }: Cell): PlanModel {
  if (settings["clean-fraction"] === undefined && settings["train-indices"] === undefined) {
    return model;
  }
  const { "clean-fraction": _share, ...rest } = model;
  return rest;
}

/** Settings with digests in place of files; where data lie makes no difference. */
function identityOf(
  cell: Cell,
  digests: Readonly<Record<string, string | undefined>>,
): Settings {
  const { model: _file, data: _place, ceiling: _comparison, ...model } = modelOf(cell);
  const known = Object.entries(digests).filter((entry): entry is [string, string] =>
    entry[1] !== undefined
  );
  const identity: Settings = {
    ...model,
    ...cell.settings,
    ...digests["attack-sha256"] === undefined ? {} : { attack: "recorded elsewhere" },
    ...Object.fromEntries(known),
  };
  return Object.fromEntries(Object.entries(identity).sort(([a], [b]) => a < b ? -1 : 1));
}

function flagsOf(settings: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(settings).flatMap(([key, value]) =>
    value === undefined ? [] : value === true ? [`--${key}`] : [`--${key}=${value}`]
  );
}
