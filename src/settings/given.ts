/** Settings that another program gives by name, checked as flags are. */

import { nearestName } from "../data/nearest_name.ts";
import { UsageError } from "../errors.ts";
import { shownValue } from "../text/kinds.ts";
import { quoted } from "../text/quoted.ts";
import type { CommandName, Fields } from "./setting.ts";
import { type Flags, rowsOf } from "./table.ts";

/**
 * The settings of a command by the names of their rows, `cleanFraction` for `--clean-fraction`, with
 * defaults where none are given.
 *
 * @throws {UsageError} for an unknown name, or a value that no flag could have set.
 */
export function givenSettings<C extends CommandName>(command: C, given: Fields): Flags<C> {
  const rows = new Map(rowsOf(command));
  for (const name of Object.keys(given)) {
    if (rows.has(name)) continue;
    const near = nearestName(name, [...rows.keys()]);
    throw new UsageError(
      `cannot use the setting ${quoted(name)}: ${command} has none of that name` +
        (near === undefined ? "" : `; did you mean "${near}"?`),
    );
  }
  const values = [...rows].flatMap(([name, { kind, default: otherwise }]) => {
    const value = given[name] ?? otherwise;
    if (value === undefined) return [];
    const found = kind.read(value);
    if (found !== undefined) return [[name, found]];
    throw new UsageError(
      `cannot use the setting ${name}: found ${shownValue(value)}, expected ${kind.expected}`,
    );
  });
  return Object.fromEntries(values);
}
