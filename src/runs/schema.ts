/**
 * Schemas of documents: what a value out of a file must be for the program to use it. A schema is a
 * function that gives the value back with its type, or throws what it had expected, and where.
 */

import { FormatError } from "../errors.ts";
import { quoted, shown } from "../text/quoted.ts";

/** Gives a value back as what it was checked to be; throws {@linkcode Mismatch} for another one. */
export type Schema<T> = (value: unknown) => T;

/** A value that is not what its schema expects, with the way to it. */
export class Mismatch extends FormatError {
  /** Keys and places in lists, from the outside in. */
  readonly path: readonly string[];
  /** What was expected, in words. */
  readonly expected: string;
  /** What was found. */
  readonly found: unknown;

  /** A mismatch at a place within the document. */
  constructor(expected: string, found: unknown, path: readonly string[] = []) {
    const place = path.length === 0 ? "" : ` at ${shown(path.join("."))}`;
    super(`found ${valueText(found)}${place}, expected ${expected}`);
    this.path = path;
    this.expected = expected;
    this.found = found;
  }

  /** The same mismatch, seen from one level further out. */
  within(key: string): Mismatch {
    return new Mismatch(this.expected, this.found, [key, ...this.path]);
  }
}

/** A value as a message shows it: what it is made of is left out where it is large. */
function valueText(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "string" ? quoted(value) : String(value);
}

/**
 * The value, checked.
 *
 * @param attempt Begins the message.
 * @throws {FormatError} naming the place, what is there and what was expected.
 */
export function check<T>(schema: Schema<T>, value: unknown, attempt: string): T {
  try {
    return schema(value);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    throw new FormatError(`${attempt}: ${error.message}`, { cause: error });
  }
}

/** The value, checked; undefined where it is not what the schema expects. */
export function matching<T>(schema: Schema<T>, value: unknown): T | undefined {
  try {
    return schema(value);
  } catch (error) {
    if (error instanceof Mismatch) return undefined;
    throw error;
  }
}

function schema<T>(expected: string, holds: (value: unknown) => boolean): Schema<T> {
  return (value) => {
    if (!holds(value)) throw new Mismatch(expected, value);
    return value as T;
  };
}

/** A string. */
export const text: Schema<string> = schema("text", (value) => typeof value === "string");

/** True or false. */
export const truth: Schema<boolean> = schema(
  "true or false",
  (value) => typeof value === "boolean",
);

/** A finite number from `low` to `high`. */
export function number(low = -Number.MAX_VALUE, high = Number.MAX_VALUE): Schema<number> {
  return schema(
    `a number${rangeText(low, high)}`,
    (value) => Number.isFinite(value) && Number(value) >= low && Number(value) <= high,
  );
}

/** A whole number from `low` to `high`. */
export function whole(low: number, high: number = Number.MAX_SAFE_INTEGER): Schema<number> {
  return schema(
    `a whole number${rangeText(low, high)}`,
    (value) => Number.isSafeInteger(value) && Number(value) >= low && Number(value) <= high,
  );
}

function rangeText(low: number, high: number): string {
  const most = high === Number.MAX_VALUE || high === Number.MAX_SAFE_INTEGER ? "" : ` to ${high}`;
  return low === -Number.MAX_VALUE ? "" : ` from ${low}${most}`;
}

/** One of some words. */
export function oneOf<const T extends string>(...words: readonly T[]): Schema<T> {
  return schema(
    words.map((word) => `"${word}"`).join(" or "),
    (value) => words.some((word) => word === value),
  );
}

/** Null, or what another schema expects. */
export function nullable<T>(inner: Schema<T>): Schema<T | null> {
  return (value) => value === null ? null : inner(value);
}

/** What another schema expects, in a field that may be left out. */
export function optional<T>(inner: Schema<T>): Schema<T> {
  return (value) => value === undefined ? value as T : inner(value);
}

/** What the first schema expects, or else what the second does; a mismatch is that of the second. */
export function either<A, B>(first: Schema<A>, second: Schema<B>): Schema<A | B> {
  return (value) => matching(first, value) ?? second(value);
}

/** A list of at most `most` values of one kind. */
export function list<T>(inner: Schema<T>, most: number, least = 0): Schema<readonly T[]> {
  const length = schema<readonly unknown[]>(
    `a list of ${least === most ? most : `${least} to ${most}`}`,
    (value) => Array.isArray(value) && value.length >= least && value.length <= most,
  );
  return (value) => {
    for (const [i, item] of length(value).entries()) at(String(i), inner, item);
    return value as readonly T[];
  };
}

/** An object with any keys and values of one kind. */
export function record<T>(inner: Schema<T>): Schema<Readonly<Record<string, T>>> {
  return (value) => {
    for (const [key, item] of Object.entries(anyObject(value))) at(key, inner, item);
    return value as Readonly<Record<string, T>>;
  };
}

/** An object with these fields; others may stand beside them and are left as they are. */
export function object<T>(
  fields: { readonly [K in keyof T]-?: Schema<Exclude<T[K], undefined>> },
): Schema<T> {
  const entries = Object.entries(fields) as [string, Schema<unknown>][];
  return (value) => {
    const found = anyObject(value);
    for (const [key, inner] of entries) {
      at(key, inner, Object.hasOwn(found, key) ? found[key] : undefined);
    }
    return value as T;
  };
}

/** Any value. */
export const anything: Schema<unknown> = (value) => value;

const anyObject: Schema<Readonly<Record<string, unknown>>> = schema(
  "an object",
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
);

/** Checks what stands under a key. */
function at(key: string, inner: Schema<unknown>, value: unknown): void {
  try {
    inner(value);
  } catch (error) {
    throw error instanceof Mismatch ? error.within(key) : error;
  }
}
