/** The one table of settings, and the types that follow from it. */

import type { Kind } from "../text/kinds.ts";
import { ATTACK } from "./attack.ts";
import { DISTILLATION } from "./distillation.ts";
import { PROGRAMS } from "./programs.ts";
import { RUN } from "./run.ts";
import { type CommandName, kebabCase, type Setting } from "./setting.ts";
import { SUBJECT } from "./subject.ts";
import { TRAINING } from "./training.ts";

/** Every setting by name. Names of cells state the settings in this order. */
export const SETTINGS = {
  ...SUBJECT,
  ...TRAINING,
  ...DISTILLATION,
  ...ATTACK,
  ...RUN,
  ...PROGRAMS,
};

/** Rows by name: the table, or a larger one. */
export type SettingTable = Readonly<Record<string, Setting>>;

type Table = typeof SETTINGS;
type Name = keyof Table;
type Row<N extends Name> = Table[N] & Setting;

/** The value of a setting. */
export type Value<N extends Name> = Table[N]["kind"] extends Kind<infer T> ? T : never;

/** Names of the settings that a command reads. */
export type ReadBy<C extends CommandName> = {
  [N in Name]: C extends Row<N>["commands"][number] ? N : never;
}[Name];

type Defaulted<N extends Name> = Table[N] extends { readonly default: unknown } ? N : never;
type Undefaulted<N extends Name> = Table[N] extends { readonly default: unknown } ? never : N;

/** What the flags of a command come to: those with a default are always there. */
export type Flags<C extends CommandName> =
  & { readonly [N in ReadBy<C> as Defaulted<N>]: Value<N> }
  & { readonly [N in ReadBy<C> as Undefaulted<N>]?: Value<N> };

/** What the flags say of images. */
export type DataFlags =
  & Pick<
    Flags<"evaluate">,
    | "dataset"
    | "data"
    | "download"
    | "limit"
    | "roi"
    | "mean"
    | "std"
    | "scale"
    | "classNamesFile"
    | "classOrder"
    | "size"
    | "resize"
    | "labelsFile"
  >
  & {
    /** As `erase` and `defend` call the table of labels. */
    readonly labelTable?: string;
  };

/** What the flags say of a backdoor. */
export type AttackFlags = Pick<
  Flags<"evaluate">,
  "attack" | "target" | "targetMode" | "attackOptions"
>;

type Plain<N extends Name> = Table[N] extends { readonly record: unknown } ? never : N;
type Settled<N extends Name> = Table[N] extends { readonly default: unknown } ? N
  : Table[N] extends { readonly recipe: unknown } ? N
  : never;

/** What `run.json` of a command has under the settings' own names: null where nothing was given. */
export type Recorded<C extends CommandName> = {
  readonly [N in ReadBy<C> as Plain<N>]: Value<N> | (N extends Settled<N> ? never : null);
};

/** The rows that a command reads, in the order of the table. */
export function rowsOf(command: CommandName, table: SettingTable = SETTINGS): [string, Setting][] {
  return Object.entries(table).filter(([, { commands }]) => commands.includes(command));
}

/** What a setting's flag is called, without its dashes; so are the keys of plans. */
export function flagName(name: string, { flag }: Setting): string {
  return flag ?? kebabCase(name);
}
