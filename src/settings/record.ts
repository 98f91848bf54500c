/** Settings on their way into `run.json`, and back out of it: checked, and as a command line. */

import type { Recipe } from "../defenses/recipes.ts";
import { FormatError } from "../errors.ts";
import { shownValue } from "../text/kinds.ts";
import { shellQuoted } from "../text/shell.ts";
import type { CommandName, Fields, RecordedRun, Setting } from "./setting.ts";
import { argumentOf, COMMANDS } from "./setting.ts";
import { flagName, type Recorded, rowsOf, SETTINGS, type SettingTable } from "./table.ts";

/**
 * What `run.json` has under the settings' own names: what was given, else the recipe's value, else
 * the default, else null.
 */
export function recordSettings<C extends CommandName>(
  command: C,
  given: Fields,
  recipe?: Recipe,
  table: SettingTable = SETTINGS,
): Recorded<C> {
  const entries = rowsOf(command, table).filter(([, row]) => row.record === undefined)
    .map(([name, row]) => [
      name,
      given[name] ?? (row.recipe && recipe?.[row.recipe]) ?? row.default ?? null,
    ]);
  return Object.fromEntries(entries) as Recorded<C>;
}

/** The settings of a run that are there, with their rows. */
function recorded(
  settings: Fields,
  run: RecordedRun,
  table: SettingTable,
): { name: string; row: Setting; value: unknown }[] {
  const command = COMMANDS.find((name) => name === run.command);
  if (command === undefined) return [];
  return rowsOf(command, table).flatMap(([name, row]) => {
    const { record } = row;
    if (record === false) return [];
    const value = record ? record(settings, run) : settings[name];
    return value === undefined || value === null ? [] : [{ name, row, value }];
  });
}

/**
 * Refuses settings of a run that no flag could have set.
 *
 * @param source For messages: the run's file.
 * @throws {FormatError} naming the setting, what was found and what was expected.
 */
export function checkRecorded(
  settings: Fields,
  command: string,
  source: string,
  table: SettingTable = SETTINGS,
): void {
  for (const { name, row, value } of recorded(settings, { command, recorded: false }, table)) {
    if (row.kind.read(value) !== undefined) continue;
    throw new FormatError(
      `cannot use ${source}: the setting "${flagName(name, row)}" is ${shownValue(value)}, ` +
        `expected ${row.kind.expected}`,
    );
  }
}

/**
 * The command of a run, for a POSIX shell, one flag a line. Every setting is named, so that it means
 * the same when defaults have changed; what no flag could have set is left out.
 */
export function commandOf(
  settings: Fields,
  run: RecordedRun,
  table: SettingTable = SETTINGS,
): string {
  const flags = recorded(settings, run, table).flatMap(({ name, row, value }) => {
    const flag = flagName(name, row);
    const found = row.kind.read(value);
    if (found === undefined) return [];
    if (argumentOf(row) !== undefined) return [`--${flag} ${shellQuoted(row.kind.write(found))}`];
    const { switch: way = "on" } = row;
    if (found === true) return way === "off" ? [] : [`--${flag}`];
    return way === "on" ? [] : [`--no-${flag}`];
  });
  return [`${run.caller ?? "deno task"} ${run.command}`, ...flags].join(" \\\n  ");
}
