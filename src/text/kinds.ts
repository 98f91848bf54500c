/**
 * What a value may be: one parser for the text of flags and attack options, and for JSON (plans,
 * `run.json`, metadata of models). Every parser is linear in the length of what it reads.
 */

import { quoted } from "./quoted.ts";

/** Numbers that fit: bounds that are left out do not bind. */
export interface Range {
  /** The value must be larger. */
  readonly above?: number;
  /** The value must be at least this. */
  readonly least?: number;
  /** The value must be smaller. */
  readonly below?: number;
  /** The value must be at most this. */
  readonly most?: number;
}

/** What a value may be, and how it is read and written. */
export interface Kind<T> {
  /** In words, for messages. */
  readonly expected: string;
  /** What a flag's help calls the value; a kind without it is that of a switch. */
  readonly argument?: string;
  /** All that it may be, where that is a few words. */
  readonly choices?: readonly string[];
  /** Where values are lists, what each part may be. */
  readonly part?: Kind<unknown>;
  /** Whether the value names a file or folder. */
  readonly path?: boolean;
  /** Whether each further flag adds to the value of the one before. */
  readonly repeated?: boolean;
  /** Whether text is kept as it was written, where other kinds have one normal form. */
  readonly verbatim?: boolean;
  /** The value that text stands for, undefined for text that is of another kind. */
  parse(text: string): T | undefined;
  /** The value in JSON, undefined for a value of another kind. */
  read(value: unknown): T | undefined;
  /** Text that `parse` reads as the value. */
  write(value: T): string;
}

/** Numbers, which can be narrowed down. */
export interface NumberKind extends Kind<number> {
  /** The same kind with these bounds in place of its own. */
  within(range: Range): NumberKind;
}

/** The largest float32: numbers become part of kernels. */
const LARGEST = 3.4028234663852886e38;

/** A number that float32 can hold. */
export function number(range: Range = {}, argument = "x"): NumberKind {
  return numeric("a number", argument, range, (value) => Math.abs(value) <= LARGEST);
}

/** A whole number that a double holds exactly. */
export function whole(range: Range = {}): NumberKind {
  return numeric("a whole number", "n", range, Number.isSafeInteger);
}

function numeric(
  name: string,
  argument: string,
  range: Range,
  fits: (value: number) => boolean,
): NumberKind {
  const { above = -Infinity, least = -Infinity, below = Infinity, most = Infinity } = range;
  const check = (value: number) =>
    fits(value) && value > above && value >= least && value < below && value <= most
      ? value
      : undefined;
  return {
    expected: `${name}${rangeText(range)}`,
    argument,
    parse: (text) => text.trim() === "" ? undefined : check(Number(text)),
    read: (value) => typeof value === "number" ? check(value) : undefined,
    write: String,
    within: (narrower) => numeric(name, argument, { ...range, ...narrower }, fits),
  };
}

function rangeText({ above, least, below, most }: Range): string {
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`;
  const bounds = [
    ...above === undefined ? [] : [`above ${above}`],
    ...least === undefined ? [] : [`of at least ${least}`],
    ...below === undefined ? [] : [`below ${below}`],
    ...most === undefined ? [] : [`at most ${most}`],
  ];
  return bounds.length === 0 ? "" : ` ${bounds.join(" and ")}`;
}

/** One of a few words. */
export function choice<const T extends string>(words: readonly T[], argument = "name"): Kind<T> {
  const find = (value: unknown) => words.find((word) => word === value);
  return {
    expected: `one of ${words.join(", ")}`,
    argument,
    choices: words,
    parse: find,
    read: find,
    write: String,
  };
}

/** Any text but an empty or blank one. */
export function text(expected: string, argument: string): Kind<string> {
  return pattern(expected, argument, /^\s*[^\s\0][^\0]*$/);
}

/** The path of a file, or of a folder where it is `expected`. */
export function path(
  expected: string,
  argument = expected.endsWith("folder") ? "dir" : "file",
): Kind<string> {
  return { ...text(expected, argument), path: true };
}

/** Text that fits an expression, which must not backtrack. */
export function pattern(expected: string, argument: string, expression: RegExp): Kind<string> {
  const check = (value: unknown) =>
    typeof value === "string" && expression.test(value) ? value : undefined;
  return { expected, argument, parse: check, read: check, write: String };
}

/** Yes or no; as text `true` or `false`. */
export const yesNo: Kind<boolean> = {
  expected: "true or false",
  parse: (text) => text === "true" ? true : text === "false" ? false : undefined,
  read: (value) => typeof value === "boolean" ? value : undefined,
  write: String,
};

/**
 * Values of one kind, as text with commas between or as a list in JSON.
 *
 * @param expected In words.
 * @param count How many there must be; any number of at least one unless given.
 */
export function list<T>(expected: string, part: Kind<T>, count?: number): Kind<T[]> {
  const check = (parts: readonly (T | undefined)[]) => {
    const fitting = parts.filter((value) => value !== undefined);
    const right = fitting.length === parts.length && fitting.length === (count ?? fitting.length);
    return right && fitting.length > 0 ? fitting : undefined;
  };
  const parse = (text: string) => check(text.split(",").map((each) => part.parse(each.trim())));
  return {
    expected,
    argument: "list",
    part,
    parse,
    read: (value) =>
      typeof value === "string"
        ? parse(value)
        : Array.isArray(value)
        ? check(value.map((each) => part.read(each)))
        : undefined,
    write: (values) => values.map((value) => part.write(value)).join(),
  };
}

/** Some of a few words, with commas between. */
export function words<const T extends string>(known: readonly T[]): Kind<T[]> {
  return list(`some of ${known.join(", ")}`, choice(known));
}

/** Three numbers, as for the channels of an image, with commas between. */
export function three(range: Range = {}): Kind<[number, number, number]> {
  const numbers = list(`three numbers${rangeText(range)}`, number(range), 3);
  return {
    ...numbers,
    argument: "r,g,b",
    parse: (text) => triple(numbers.parse(text)),
    read: (value) => triple(numbers.read(value)),
  };
}

function triple(values: readonly number[] | undefined): [number, number, number] | undefined {
  return values && [values[0]!, values[1]!, values[2]!];
}

/** Texts, each given by a flag of its own. */
export function repeated(expected: string): Kind<string[]> {
  const one = path(expected);
  return {
    ...list(expected, one),
    argument: "run",
    path: true,
    repeated: true,
    parse: (text) => one.parse(text) === undefined ? undefined : [text],
  };
}

/** What the first of two kinds takes, else what the second does. */
export function either<A, B>(first: Kind<A>, second: Kind<B>): Kind<A | B> {
  return {
    expected: `${first.expected}, or ${second.expected}`,
    argument: second.argument ?? "value",
    ...second.part ? { part: second.part } : {},
    parse: (text) => first.parse(text) ?? second.parse(text),
    read: (value) => first.read(value) ?? second.read(value),
    write: (value) =>
      first.read(value) === undefined ? second.write(value as B) : first.write(value as A),
  };
}

/** A value in a message. */
export function shownValue(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `a list of ${value.length}`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** Why text is not of a kind: `Found "x", expected y`, of the first part that is wrong in a list. */
export function refusalOf(kind: Kind<unknown>, text: string): string {
  const { part } = kind;
  const wrong = part && text.split(",").find((each) => part.parse(each.trim()) === undefined);
  return `found ${quoted((wrong ?? text).trim())}, expected ${kind.expected}`;
}
