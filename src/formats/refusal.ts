/** How every reader of this folder words a refusal: what was attempted, found and expected. */

import { FormatError } from "../errors.ts";

/** Makes the error for one fault of one file; the caller throws it. */
export type Refuse = (found: string, expected: string) => FormatError;

/** A {@linkcode Refuse} for the file `source`; `kind` names its format, such as "PyTorch file". */
export function refusal(kind: string, source: string): Refuse {
  return (found, expected) =>
    new FormatError(`cannot read ${kind} ${source}: found ${found}, expected ${expected}`);
}

/** Longest piece of a file that a message repeats, characters. */
const QUOTED_CHARACTERS = 80;

/**
 * Text from an untrusted file, safe to print: quoted, shortened, and with control characters (which
 * a terminal would obey) escaped.
 */
export function quoted(text: string): string {
  const short = text.length > QUOTED_CHARACTERS ? `${text.slice(0, QUOTED_CHARACTERS)}...` : text;
  return JSON.stringify(short).replace(
    /[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
