/** Tables of text with commas between cells (RFC 4180), semicolons or tabs. */

import { FormatError } from "../errors.ts";
import { shown } from "../text/quoted.ts";

/**
 * The rows of a table, one at a time; blank lines are left out. Cells may be quoted, and hold commas,
 * line ends and doubled quotes then. The separator is a comma, unless the first line has none but
 * semicolons or tabs. `source` names the file in messages.
 *
 * @throws {FormatError} for a quote that does not end, or text behind one.
 */
export function* csvRows(text: string, source: string): Generator<string[], undefined> {
  const firstEnd = text.search(/[\r\n]/);
  const firstLine = firstEnd < 0 ? text : text.slice(0, firstEnd);
  const separator = [",", ";", "\t"].find((character) => firstLine.includes(character)) ?? ",";
  const refuse = (found: string) =>
    new FormatError(
      `cannot read the table ${shown(source)}: found ${found} in row ${number}, expected cells ` +
        `as RFC 4180 has them`,
    );
  let [at, number] = [0, 0];
  while (at < text.length) {
    number++;
    const cells: string[] = [];
    for (;;) {
      if (text[at] === '"') {
        let cell = "";
        for (let from = at + 1;;) {
          const end = text.indexOf('"', from);
          if (end < 0) throw refuse("a quote that does not end");
          cell += text.slice(from, end);
          at = end + 1;
          if (text[at] !== '"') break;
          cell += '"';
          from = end + 2;
        }
        cells.push(cell);
        if (at < text.length && ![separator, "\r", "\n"].includes(text[at]!)) {
          throw refuse("text behind a quoted cell");
        }
      } else {
        const from = at;
        while (at < text.length && !isEnd(text[at]!, separator)) at++;
        cells.push(text.slice(from, at).trim());
      }
      if (text[at] !== separator) break;
      at++;
    }
    if (text[at] === "\r") at++;
    if (text[at] === "\n") at++;
    if (cells.length > 1 || cells[0] !== "") yield cells;
  }
  return undefined;
}

const isEnd = (character: string, separator: string) =>
  character === separator || character === "\n" || character === "\r";
