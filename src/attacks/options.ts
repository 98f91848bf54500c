/** Reading the parameters of attacks, which arrive as text. */

import { UsageError } from "../errors.ts";
import { quoted } from "../text/quoted.ts";

/** Throws {@linkcode UsageError} where `options` holds a name that is not in `known`. */
export function checkOptionNames(
  attack: string,
  options: Readonly<Record<string, string>>,
  known: readonly string[],
): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const expected = known.length > 0 ? `expected ${known.join(", ")}` : "it has no options";
    throw new UsageError(`cannot set option ${quoted(unknown)} of attack ${attack}: ${expected}`);
  }
}

/** The value of an option that is one of a few words. */
export function choice<T extends string>(
  options: Readonly<Record<string, string>>,
  name: string,
  values: readonly T[],
): T {
  const text = options[name] ?? values[0]!;
  const found = values.find((value) => value === text);
  if (found === undefined) {
    throw new UsageError(
      `cannot set attack option ${name} to ${quoted(text)}: expected ${values.join(", ")}`,
    );
  }
  return found;
}

/** The value of an option that is a whole number in [low, high]. */
export function integer(
  options: Readonly<Record<string, string>>,
  name: string,
  range: { default: number; low: number; high: number },
): number {
  return numeric(options, name, range, "a whole number", Number.isInteger);
}

/** The value of an option that is a number in [low, high]. */
export function decimal(
  options: Readonly<Record<string, string>>,
  name: string,
  range: { default: number; low: number; high: number },
): number {
  return numeric(options, name, range, "a number", Number.isFinite);
}

function numeric(
  options: Readonly<Record<string, string>>,
  name: string,
  range: { default: number; low: number; high: number },
  kind: string,
  allowed: (value: number) => boolean,
): number {
  const text = options[name] ?? String(range.default);
  const value = Number(text);
  if (text.trim() === "" || !allowed(value) || value < range.low || value > range.high) {
    throw new UsageError(
      `cannot set attack option ${name} to ${quoted(text)}: expected ${kind} from ${range.low} ` +
        `to ${range.high}`,
    );
  }
  return value;
}
