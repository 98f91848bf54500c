/** What classes are called and in which order they stand, where more than folder names says so. */

import { DataError, FormatError } from "../errors.ts";
import { byCodePoint } from "../text/code_points.ts";
import { quoted, shown } from "../text/quoted.ts";

/** Classes in the order of their names, or of the numbers that they are called. */
export type ClassOrder = "name" | "numeric";

/** As many as labels of 16 bits tell apart. */
const MAXIMUM_CLASSES = 65_536;

/**
 * The names of a file, in label order: a JSON array, a JSON object of number to name (Hugging Face's
 * `id2label`, also inside its `config.json`) or of name to number (torchvision's `class_to_idx`), or
 * else text with one name a line. `source` names the file in messages.
 *
 * @throws {FormatError} for other JSON, for numbers that are not 0 to N-1, and for fewer than two
 * names or two alike.
 */
export function parseClassNames(text: string, source: string): readonly string[] {
  const refuse = (found: string, expected: string) =>
    new FormatError(
      `cannot read class names in ${shown(source)}: found ${found}, expected ${expected}`,
    );
  const isJson = /^\s*[[{]/.test(text);
  const names = isJson ? jsonNames(text, refuse) : text.replace(/\s+$/, "").split(/\r?\n/);
  if (names.length < 2 || names.length > MAXIMUM_CLASSES) {
    throw refuse(`${names.length} names`, `2 to ${MAXIMUM_CLASSES}`);
  }
  const trimmed = names.map((name) => name.trim());
  const seen = new Set<string>();
  for (const name of trimmed) {
    if (name === "" || seen.has(name)) {
      throw refuse(name === "" ? "an empty name" : `${quoted(name)} twice`, "distinct names");
    }
    seen.add(name);
  }
  return trimmed;
}

type Refuse = (found: string, expected: string) => FormatError;

function jsonNames(text: string, refuse: Refuse): readonly string[] {
  const expected = "an array of names, or an object of numbers and names";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse("damaged JSON", expected);
  }
  if (isRecord(value) && isRecord(value.id2label)) value = value.id2label;
  if (Array.isArray(value)) {
    if (!value.every((name) => typeof name === "string")) throw refuse("no names", expected);
    return value;
  }
  if (!isRecord(value)) throw refuse("neither of both", expected);
  const entries = Object.entries(value);
  const names: string[] = [];
  for (const [key, item] of entries) {
    const [name, number] = typeof item === "string" ? [item, Number(key)] : [key, item];
    if (typeof number !== "number" || !(number in entries) || names[number] !== undefined) {
      throw refuse(`class ${quoted(String(number))} of ${quoted(name)}`, "each of 0 to N-1 once");
    }
    names[number] = name;
  }
  return names;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is said of classes beyond what the images' own labels say. */
export interface ClassOptions {
  /** Names of all classes in label order. Default: as the labels are called. */
  readonly classNames?: readonly string[];
  /** Order of classes where no names are given. Default: "name". */
  readonly classOrder?: ClassOrder;
}

/** Classes with the index of each label. */
export interface Classes {
  readonly classNames: readonly string[];
  readonly indexOf: ReadonlyMap<string, number>;
  /** What a user should know of how labels became classes. */
  readonly notices: readonly string[];
}

/**
 * The classes that labels (names of folders, cells of a table) mean. Where names are given, a label
 * is one of them or its number; labels that are neither, but as many as there are names, take the
 * names in their own order. `what` says in messages what the labels are, such as "class folder".
 *
 * @throws {DataError} for a label that is no class, and for what has no numeric order.
 */
export function classesOf(
  labels: Iterable<string>,
  { classNames, classOrder = "name" }: ClassOptions,
  what: string,
): Classes {
  const sorted = [...new Set(labels)].sort(classOrder === "numeric" ? byNumber(what) : byCodePoint);
  if (classNames === undefined) {
    return { classNames: sorted, indexOf: places(sorted), notices: [] };
  }
  const indexOf = places(classNames);
  const unknown = sorted.filter((label) => !indexOf.has(label));
  if (unknown.length === 0) return { classNames, indexOf, notices: [] };
  if (sorted.every((label) => isNumber(label) && Number(label) < classNames.length)) {
    const byValue = new Map(sorted.map((label) => [label, Number(label)]));
    return { classNames, indexOf: byValue, notices: [] };
  }
  if (unknown.length === sorted.length && sorted.length === classNames.length) {
    const [label, name] = [quoted(sorted[0]!), quoted(classNames[0]!)];
    const notice = `each ${what} takes the class name at its place: ${label} is ${name}`;
    return { classNames, indexOf: places(sorted), notices: [notice] };
  }
  throw new DataError(
    `cannot tell the class of ${what} ${quoted(unknown[0]!)}: expected one of the ` +
      `${classNames.length} class names that were given, or its number`,
  );
}

const places = (names: readonly string[]) => new Map(names.map((name, place) => [name, place]));

/** Whether a label is a whole number in digits. */
export const isNumber = (label: string): boolean => /^\d{1,9}$/.test(label);

function byNumber(what: string): (a: string, b: string) => number {
  const value = (label: string) => {
    if (isNumber(label)) return Number(label);
    throw new DataError(
      `cannot put classes in numeric order: found ${what} ${quoted(label)}, expected a number`,
    );
  };
  return (a, b) => value(a) - value(b) || byCodePoint(a, b);
}
