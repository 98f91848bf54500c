/** Checks of values in a plan, each with a message that says where it stands. */

import { nearestName } from "../data/nearest_name.ts";
import { FormatError } from "../errors.ts";
import type { Settings } from "./plan_file.ts";
import { NAME } from "./plan_settings.ts";
import type { Kind, SettingValue } from "./setting_kinds.ts";

/**
 * The value as an object.
 *
 * @param where For messages; so in all functions here.
 * @throws {FormatError} for anything else.
 */
export function object(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FormatError(`cannot use ${where}: found ${shown(value)}, expected an object`);
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
    if (NAME.read(name) === undefined) {
      throw new FormatError(`cannot use ${where}: found "${name}", expected ${NAME.expected}`);
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
      `cannot use ${where}: unknown key "${key}", expected ` +
        (near === undefined ? `one of ${known.join(", ")}` : `"${near}" perhaps`),
    );
  }
}

/**
 * The value of `key`, which must be there and of the given kind.
 *
 * @throws {FormatError} saying what was found and what was expected.
 */
export function setting(value: unknown, kind: Kind, key: string, where: string): SettingValue {
  const found = kind.read(value);
  if (found !== undefined) return found;
  throw new FormatError(
    `cannot use ${where}: "${key}" is ${shown(value)}, expected ${kind.expected}`,
  );
}

/** A value in a message. */
export function shown(value: unknown): string {
  return value === undefined ? "missing" : JSON.stringify(value).slice(0, 80);
}

/**
 * The settings in `found`, in the order of their kinds.
 *
 * @param required Keys that must be there.
 * @throws {FormatError} for an unknown key, or a value of another kind.
 */
export function readSettings(
  found: Record<string, unknown>,
  kinds: Readonly<Record<string, Kind>>,
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
