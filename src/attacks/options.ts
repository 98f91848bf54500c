/** The parameters of attacks: declared as data, read from text. */

import { UsageError } from "../errors.ts";
import type { Kind, NumberKind } from "../text/kinds.ts";
import { quoted } from "../text/quoted.ts";

/** A parameter of an attack. */
export interface AttackOption {
  /** What its value may be. */
  readonly kind: Kind<unknown>;
  /** Its value where none is given. */
  readonly default?: unknown;
  /** What happens where none is given and there is no default, in words. */
  readonly otherwise?: string;
  /** What it is, for the help; the default is added. */
  readonly help: string;
}

/** Parameters with their names, as narrow as they are written. */
export function attackOptions<const O extends Readonly<Record<string, AttackOption>>>(known: O): O {
  return known;
}

type Texts = Readonly<Record<string, string>>;

type ValueOf<O extends AttackOption> = O["kind"] extends Kind<infer T>
  ? T | (O extends { readonly default: unknown } ? never : undefined)
  : never;

/**
 * The values of all parameters: what is given, else the default.
 *
 * @throws {UsageError} for an unknown name, or a value of another kind.
 */
export function readOptions<const O extends Readonly<Record<string, AttackOption>>>(
  attack: string,
  known: O,
  given: Texts,
): { readonly [N in keyof O]: ValueOf<O[N]> } {
  const names = Object.keys(known);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const expected = names.length > 0 ? `expected ${names.join(", ")}` : "it has no options";
    throw new UsageError(`cannot set option ${quoted(unknown)} of attack ${attack}: ${expected}`);
  }
  const values = Object.entries(known).map(([name, { kind, default: otherwise }]) => [
    name,
    readOption(name, kind, given) ?? otherwise,
  ]);
  return Object.fromEntries(values);
}

/**
 * A number that the image bounds as well as its kind: a default that is larger gives way.
 *
 * @throws {UsageError} for a given value that is larger.
 */
export function readAtMost(
  name: string,
  { kind, default: otherwise }: { readonly kind: NumberKind; readonly default: number },
  given: Texts,
  most: number,
): number {
  return readOption(name, kind.within({ most }), given) ?? Math.min(otherwise, most);
}

function readOption<T>(name: string, kind: Kind<T>, given: Texts): T | undefined {
  if (!Object.hasOwn(given, name)) return undefined;
  const text = given[name]!;
  const value = kind.parse(text);
  if (value !== undefined) return value;
  throw new UsageError(
    `cannot set attack option ${name} to ${quoted(text)}: expected ` +
      (kind.choices?.join(", ") ?? kind.expected),
  );
}

/** Names of the parameters of an attack, each with its help. */
export function optionsHelp(
  known: Readonly<Record<string, AttackOption>>,
): (readonly [name: string, text: string])[] {
  return Object.entries(known).map(([name, { kind, help, default: value, otherwise }]) => {
    const words = kind.choices ? [`${kind.choices.join(", ")}: ${help}`] : [help];
    if (value !== undefined) words.push(`(default: ${kind.write(value)})`);
    if (otherwise !== undefined) words.push(`(default: ${otherwise})`);
    return [name, words.join(" ")] as const;
  });
}
