/** Reads JSON that others wrote: whatever it holds, it ends in a value or in an error with words. */

import { FormatError } from "../errors.ts";

/** What a document may hold at most; a parser has no limits of its own. */
export interface JsonBounds {
  /** Arrays and objects within each other. */
  readonly depth: number;
  /** Values: elements, keys and what they name. */
  readonly values: number;
}

/** Documents nest a dozen deep at most and hold some ten thousand values, and a stack has an end. */
const USUAL_BOUNDS: JsonBounds = { depth: 100, values: 2_000_000 };

/**
 * The value of a JSON text, which is counted before anything is built.
 *
 * @param attempt Begins the message, for example "cannot read the plan few.json".
 * @throws {FormatError} where the text is not JSON, nests its brackets more deeply or holds more
 * values than `bounds` allow, 100 deep and two million unless given.
 */
export function parseJson(text: string, attempt: string, bounds = USUAL_BOUNDS): unknown {
  const excess = excessOf(text, bounds);
  if (excess !== undefined) throw new FormatError(`${attempt}: ${excess}`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${attempt}: it is not JSON`, { cause: error });
  }
}

/** What a text has too much of, outside strings; right for whatever is JSON. */
function excessOf(text: string, bounds: JsonBounds): string | undefined {
  let depth = 0;
  let values = 1;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i);
        break;
      case 0x5b: // [
      case 0x7b: // {
        values++;
        if (++depth > bounds.depth) {
          return `its brackets are nested too deeply, expected at most ${bounds.depth} levels`;
        }
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
      case 0x2c: // ,
      case 0x3a: // :
        values++;
    }
    if (values > bounds.values) return `it holds more than ${bounds.values} values`;
  }
  return undefined;
}

/** Where the string that begins at `start` has its closing quote; the text's end where it has none. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}
