/** Limits for JSON from untrusted files, checked before it is parsed: a parser has none of its own. */

import type { Refuse } from "./refusal.ts";

/** What a document may hold at most. */
export interface JsonBounds {
  /** Arrays and objects within each other. */
  readonly depth: number;
  /** Values: elements, keys and what they name. */
  readonly values: number;
}

/**
 * Walks over JSON in UTF-8 without building anything. Throws what `refuse` makes where it is nested
 * more deeply or holds more values than `bounds` allow; whether it is valid is left to the parser.
 */
export function checkJsonBounds(bytes: Uint8Array, bounds: JsonBounds, refuse: Refuse): void {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case 0x22: // "
        for (at++; at < bytes.length && bytes[at] !== 0x22; at++) if (bytes[at] === 0x5c) at++;
        break;
      case 0x7b: // {
      case 0x5b: // [
        depth++;
        values++;
        if (depth > bounds.depth) {
          throw refuse(`JSON nested more than ${bounds.depth} deep`, "fewer levels");
        }
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
      case 0x2c: // ,
      case 0x3a: // :
        values++;
    }
    if (values > bounds.values) {
      throw refuse(`JSON of more than ${bounds.values} values`, "no more");
    }
  }
}
