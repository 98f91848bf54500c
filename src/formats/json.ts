/** Reads JSON that others wrote: whatever it holds, it ends in a value or in an error with words. */

import { FormatError } from "../errors.ts";

/** Most brackets within each other: documents have a dozen at most, and a stack has an end. */
const MAXIMUM_DEPTH = 100;

/**
 * The value of a JSON text.
 *
 * @param attempt Begins the message, for example "cannot read the plan few.json".
 * @throws {FormatError} where the text is not JSON, or nests its brackets more than 100 deep.
 */
export function parseJson(text: string, attempt: string): unknown {
  if (isTooDeep(text)) {
    throw new FormatError(
      `${attempt}: its brackets are nested too deeply, expected at most ${MAXIMUM_DEPTH} levels`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${attempt}: it is not JSON`, { cause: error });
  }
}

/** Whether brackets outside strings are nested too deeply; right for whatever is JSON. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > MAXIMUM_DEPTH) return true;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
    }
  }
  return false;
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
