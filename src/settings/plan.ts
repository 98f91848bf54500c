/** The settings that plans of sweeps give, for cells and for models. */

import { type Kind, pattern } from "../text/kinds.ts";
import type { Setting } from "./setting.ts";
import { flagName, SETTINGS, type SettingTable } from "./table.ts";

/** A setting's value in a plan, as the flag of its name takes it. */
export type SettingValue = string | number | boolean;

/** Settings by key, in no particular order. */
export type Settings = Readonly<Record<string, SettingValue>>;

/** Names that a plan may give: they become part of the names of folders. */
export const NAME: Kind<string> = pattern(
  "a name of at most 60 letters, digits, dots and dashes, the first a letter or digit",
  "name",
  /^[A-Za-z0-9][A-Za-z0-9.-]{0,59}$/,
);

/** Rows that plans give for cells or for models, with their keys, in the order of the table. */
export function plannedRows(
  what: "cell" | "model",
  table: SettingTable = SETTINGS,
): [key: string, row: Setting][] {
  return Object.entries(table)
    .filter(([, { plan }]) => plan === what || plan === "both")
    .map(([name, row]) => [flagName(name, row), row]);
}

/** The settings of a cell by key. Files are named by a table of the plan. */
export function cellKinds(table: SettingTable = SETTINGS): Readonly<Record<string, Kind<unknown>>> {
  const own = plannedRows("cell", table).map(([key, { kind }]) => [key, kind.path ? NAME : kind]);
  return { model: NAME, ...Object.fromEntries(own) };
}

/** The settings of a model by key, and which other model it is compared with. */
export function modelKinds(): Readonly<Record<string, Kind<unknown>>> {
  const own = plannedRows("model").map(([key, { kind }]) => [key, kind]);
  return { ...Object.fromEntries(own), ceiling: NAME };
}

/** A value of a plan in its one form, undefined for a value of another kind. */
export function plannedValue(kind: Kind<unknown>, value: unknown): SettingValue | undefined {
  const found = kind.read(value);
  // A switch can only be given: without it nothing is said.
  if (typeof found === "boolean") return found || undefined;
  if (found === undefined || typeof found === "number") return found;
  return kind.verbatim && typeof value === "string" ? value : kind.write(found);
}

/**
 * Settings of a cell by key: its model by name, and what its row says of the rest. Those that sweeps
 * themselves read are named here.
 */
export interface CellSettings {
  /** Any other setting that the table plans for cells. */
  readonly [key: string]: SettingValue | undefined;
  /** A name out of `models`. */
  readonly model: string;
  /** Which defence. */
  readonly defense: string;
  /** Default: `lethe`. */
  readonly recipe: string;
  /** Seed of everything random. Default: 1. */
  readonly seed: number;
  /** Share of the training images that the defender has. */
  readonly "clean-fraction"?: number;
  /** Training records A to B-1 instead: `A:B`. */
  readonly "train-indices"?: string;
  /** Epochs of the defence's training. */
  readonly epochs?: number;
  /** Share of the way that training has come by which parameters go on. */
  readonly extrapolation?: number;
  /** A name out of `teachers`, `finetuned` or `original`. Default: the recipe's. */
  readonly teacher?: string;
  /** Epochs of finetuning the teacher. */
  readonly "teacher-epochs"?: number;
  /** Weights of the distillation losses, or `auto`. */
  readonly betas?: string;
  /** Rounds of distillation; each result is the next teacher. */
  readonly iterations?: number;
  /** Number of test images to use. */
  readonly limit?: number;
}

/** A network, its data, and what is measured on it. Paths are relative to the plan's folder. */
export interface PlanModel {
  /** Any other setting that the table plans for models. */
  readonly [key: string]: SettingValue | undefined;
  /** The network's file. */
  readonly model: string;
  /** `wrn-DEPTH-WIDTH`. Default: found from the file. */
  readonly arch?: string;
  /** A name, or a folder with one sub-folder of images a class. */
  readonly dataset: string;
  /** The model's own folder of data. Default: the plan's. */
  readonly data?: string;
  /** GTSRB: cut images to their region of interest. */
  readonly roi?: true;
  /** Share of its training images that a defender has, where a cell does not say. */
  readonly "clean-fraction"?: number;
  /**
   * An attack's name, `recorded`, or the path of another model, whose metadata describe it. Without it
   * only accuracy is measured.
   */
  readonly attack?: string;
  /** Options of the attack: `KEY=VALUE,...` */
  readonly "attack-options"?: string;
  /**
   * Name of the model of the plan that was trained alike on clean images. What it comes to in a cell
   * of defense `none` is the ceiling of this model's cells.
   */
  readonly ceiling?: string;
}
