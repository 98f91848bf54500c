/** Checks of values in a plan, each with a message that says where it stands. */

import { nearestName } from "../data/nearest_name.ts";
import { FormatError } from "../errors.ts";
import { NAME, plannedValue, type Settings, type SettingValue } from "../settings/plan.ts";
import { type Kind, shownValue } from "../text/kinds.ts";
import { quoted } from "../text/quoted.ts";

/**
 * The value as an object.
 *
 * @param where For messages; so in all functions here.
 * @throws {FormatError} for anything else.
 */
export function object(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FormatError(`cannot use ${where}: found ${shownValue(value)}, expected an object`);
  }
  return value as Record<string, unknown>;
}

/**
 * The entries of an object whose keys are names.
 *
 * @throws {FormatError} for anything else.
 */
export function namedEntries(value: unknown, where: string): [string, unknown][] {
  const found = Object.entries(object(value, where));
  for (const [name] of found) {
    if (NAME.parse(name) === undefined) {
      throw new FormatError(
        `cannot use ${where}: found ${quoted(name)}, expected ${NAME.expected}`,
      );
    }
  }
  return found;
}

/**
 * Refuses keys that are not known.
 *
 * @throws {FormatError} naming the first of them.
 */
export function checkKeys(found: object, known: readonly string[], where: string): void {
  for (const key of Object.keys(found)) {
    if (known.includes(key)) continue;
    const near = nearestName(key, known);
    throw new FormatError(
      `cannot use ${where}: unknown key ${quoted(key)}, expected ` +
        (near === undefined ? `one of ${known.join(", ")}` : `"${near}" perhaps`),
    );
  }
}

/**
 * The value of `key`, which must be there and of the given kind.
 *
 * @throws {FormatError} saying what was found and what was expected.
 */
export function setting(
  value: unknown,
  kind: Kind<unknown>,
  key: string,
  where: string,
): SettingValue {
  const found = plannedValue(kind, value);
  if (found !== undefined) return found;
  throw new FormatError(
    `cannot use ${where}: "${key}" is ${shownValue(value)}, expected ${kind.expected}` +
      // In a plan a list of values is an axis.
      (kind.part && !kind.verbatim ? " as text" : ""),
  );
}

/**
 * The settings in `found`, in the order of their kinds.
 *
 * @param required Keys that must be there.
 * @throws {FormatError} for an unknown key, or a value of another kind.
 */
export function readSettings(
  found: Record<string, unknown>,
  kinds: Readonly<Record<string, Kind<unknown>>>,
  required: readonly string[],
  where: string,
): Settings {
  checkKeys(found, Object.keys(kinds), where);
  return Object.fromEntries(
    Object.entries(kinds)
      .filter(([key]) => required.includes(key) || Object.hasOwn(found, key))
      .map(([key, kind]) => [key, setting(found[key], kind, key, where)]),
  );
}
