/** What the value of a setting in a plan may be, and how it is read from JSON. */

/** A setting's value, as the flag of its name takes it. */
export type SettingValue = string | number | boolean;

/** What a setting may be. */
export interface Kind {
  /** In words, for messages. */
  readonly expected: string;
  /** The value in its one normal form, or undefined for a value of another kind. */
  read(value: unknown): SettingValue | undefined;
}

/** A number that fits. */
export function numeric(expected: string, fits: (value: number) => boolean): Kind {
  return {
    expected,
    read: (value) =>
      typeof value === "number" && Number.isFinite(value) && fits(value) ? value : undefined,
  };
}

/** A whole number of at least `least`. */
export function integer(least: number): Kind {
  return numeric(
    `a whole number of at least ${least}`,
    (value) => Number.isSafeInteger(value) && value >= least,
  );
}

/** One of a few words. */
export function oneOf(words: readonly string[]): Kind {
  return {
    expected: `one of ${words.join(", ")}`,
    read: (value) => typeof value === "string" && words.includes(value) ? value : undefined,
  };
}

/** Some of a few words, with commas between. */
export function someOf(words: readonly string[]): Kind {
  return {
    expected: `some of ${words.join(", ")} as text, with commas between`,
    read: (value) => list(value, (part) => words.includes(part)),
  };
}

/** As many numbers as `count`, as text with commas between. */
export function numberList(
  expected: string,
  fits: (value: number) => boolean,
  count: number,
): Kind {
  const fitsText = (part: string) => part !== "" && Number.isFinite(Number(part)) && fits(+part);
  return {
    expected,
    read(value) {
      const text = list(value, fitsText);
      if (text === undefined) return undefined;
      const numbers = text.split(",").map(Number);
      return numbers.length === count ? numbers.join(",") : undefined;
    },
  };
}

/** Text that fits a pattern. */
export function pattern(expected: string, expression: RegExp): Kind {
  return {
    expected,
    read: (value) => typeof value === "string" && expression.test(value) ? value : undefined,
  };
}

/** Any text but the empty one. */
export function text(expected: string): Kind {
  return pattern(expected, /^[^\0]+$/);
}

/** What the first of several kinds takes. */
export function either(...kinds: readonly Kind[]): Kind {
  return {
    expected: kinds.map(({ expected }) => expected).join(", or "),
    read(value) {
      for (const kind of kinds) {
        const found = kind.read(value);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

/** A flag without a value, which can only be given. */
export const given: Kind = {
  expected: "true",
  read: (value) => value === true ? true : undefined,
};

function list(value: unknown, fits: (part: string) => boolean): string | undefined {
  if (typeof value !== "string") return undefined;
  const parts = value.split(",").map((part) => part.trim());
  return parts.every(fits) ? parts.join(",") : undefined;
}
