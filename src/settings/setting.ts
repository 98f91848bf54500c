/**
 * What a setting is: a row of the table. Flags with their help, keys of plans with their checks, names
 * of cells, what `run.json` keeps and the command that makes a run again all follow from the row.
 */

import type { Recipe } from "../defenses/recipes.ts";
import type { Kind } from "../text/kinds.ts";

/** Commands that read settings. */
export const COMMANDS = [
  "erase",
  "defend",
  "attack",
  "evaluate",
  "audit",
  "report",
  "sweep",
  "doctor",
  "bench",
] as const;

/** One of {@linkcode COMMANDS}. */
export type CommandName = typeof COMMANDS[number];

/** Headings of the help, in its order. */
export const SECTIONS = [
  "Model and images",
  "Attack",
  "Defence",
  "Distillation",
  "Training",
  "Audit",
  "Measurement",
  "Run",
] as const;

/** The content of a JSON object, of which nothing is known. */
export type Fields = Readonly<Record<string, unknown>>;

/** A row of the table. */
export interface Setting {
  /** What its value may be. */
  readonly kind: Kind<unknown>;
  /** What help calls the value, where its kind does not say it well. */
  readonly argument?: string;
  /** A switch sets true (`on`, the default), false by `--no-NAME` (`off`), or either (`both`). */
  readonly switch?: "on" | "off" | "both";
  /** What it is, for the help; the default is added. */
  readonly help: string;
  /** Heading of the help that it stands under. */
  readonly section: typeof SECTIONS[number];
  /** Commands that read it. */
  readonly commands: readonly CommandName[];
  /** Its value where none is given. */
  readonly default?: unknown;
  /** What takes the place of a default, in words. */
  readonly otherwise?: string;
  /** The value of a recipe that is the default. */
  readonly recipe?: keyof Recipe;
  /** Whether only `--help-all` shows it, or of which commands. */
  readonly expert?: true | readonly CommandName[];
  /** Its flag where that is not its name: commands may share a flag whose meaning differs. */
  readonly flag?: string;
  /** Flags that cannot stand beside it, by the names of their rows. */
  readonly conflicts?: readonly string[];
  /** The defences that it is for; without it all. */
  readonly defenses?: readonly string[];
  /** Whether plans give it for a cell or for a model. */
  readonly plan?: "cell" | "model" | "both";
  /** False where it changes no result: then another value makes no other cell. */
  readonly changesResult?: false;
  /** Where `run.json` has it: under its own name, nowhere, or where the function finds it. */
  readonly record?: false | ((settings: Fields, run: RecordedRun) => unknown);
}

/** A run whose settings are read back. */
export interface RecordedRun {
  /** How commands are called where this one is to be typed. Default: `deno task`. */
  readonly caller?: string;
  /** The command that made it. */
  readonly command: string;
  /** Whether the attack is the one that the metadata of the model tell of. */
  readonly recorded: boolean;
}

/** In words, the default of settings that a recipe gives. */
export const BY_RECIPE = "the recipe's";

/** Rows with their names, as narrow as they are written, and what all have that do not differ. */
export function rows<
  const S extends Partial<Setting>,
  const R extends Readonly<Record<string, Partial<Setting> & Pick<Setting, "kind" | "help">>>,
>(shared: S, own: R): { readonly [N in keyof R]: R[N] & Omit<S, keyof R[N]> } {
  const whole = Object.entries(own).map(([name, row]) => [name, { ...shared, ...row }]);
  return Object.fromEntries(whole);
}

/** What help calls the value of a setting; undefined for a switch. */
export function argumentOf({ kind, argument = kind.argument }: Setting): string | undefined {
  return argument;
}

/** The name of a row as flags and plans have it: `teacher-epochs` for `teacherEpochs`. */
export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The fields of what should be an object; of anything else none. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? value as Fields : {};
}

/** The settings of the training of a run, whichever command made it. */
export function trainingOf({ studentTraining, training }: Fields): Fields {
  return fieldsOf(studentTraining ?? training);
}
