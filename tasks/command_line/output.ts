/**
 * What a command says: results on standard output, tables for people or one JSON document with
 * `--json`; talk and progress on standard error. All that is printed passes through here, where what a
 * terminal would obey is escaped and what would flood it is cut. Talk that cannot be written is
 * dropped, so that a full log ends no job; a result that cannot be written is an error.
 */

import { styleText } from "node:util";
import { FormatError, messageOf } from "../../src/errors.ts";
import { withoutControls } from "../../src/text/quoted.ts";

/** The outputs of a command. */
export interface Output {
  /** True where `--json` was given. */
  readonly json: boolean;
  /** A line for people, or a few; nothing with `--quiet`. */
  line(text: string): void;
  /**
   * A result for people, shown even with `--quiet`. With `--json` it is talk, and `--quiet` leaves it
   * out.
   */
  result(text: string): void;
  /** One line that people should know of, shown even with `--quiet`. */
  warning(text: string): void;
  /** The message of an error, one line. */
  error(message: string): void;
  /** The present state of something that takes time. */
  progress(text: string): void;
  /** The JSON document, where it was asked for. */
  document(value: unknown): void;
  /** Removes a progress line that still stands. */
  end(): void;
}

/** Where output goes: a part of `Deno.stdout` and `Deno.stderr`. */
export interface Stream {
  /** Writes a part of `bytes`, at least one, and says how many. */
  writeSync(bytes: Uint8Array): number;
  /** Whether people look at it. */
  isTerminal(): boolean;
  /** Columns of the terminal. Default: what the system says. */
  columns?(): number;
}

/** Most characters of a line for people. */
const LONGEST = 4000;

const ERASE_LINE = "\r\x1b[K";

/** Colours are asked for here, not by the function that makes them. */
const ALWAYS = { validateStream: false } as const;

function columnsOf({ columns }: Stream): number {
  return Math.max(21, columns ? columns() : Deno.consoleSize().columns);
}

/** One line, without its end where it is too long, and without what a terminal would obey. */
function printableLine(text: string): string {
  const rest = text.length - LONGEST;
  const shown = withoutControls(text.slice(0, LONGEST));
  return rest > 0 ? `${shown} ... and ${rest} more characters` : shown;
}

/** The same for text of several lines, such as tables. */
function printable(text: string): string {
  return text.split("\n").map(printableLine).join("\n");
}

/** Sentences broken at spaces where a terminal ends; rows of tables, which hold gaps, stay whole. */
function wrapped(text: string, columns: number): string {
  return text.split("\n").map((line) => {
    const [indent = ""] = /^ */.exec(line) ?? [];
    const words = line.slice(indent.length).split(" ");
    if (line.length <= columns || words.includes("")) return line;
    const lines: string[] = [];
    let last = indent;
    for (const word of words) {
      if (last.trim() !== "" && last.length + 1 + word.length > columns) {
        lines.push(last);
        last = `${indent}  ${word}`;
      } else last += last.trim() === "" ? word : ` ${word}`;
    }
    return [...lines, last].join("\n");
  }).join("\n");
}

/** Opens the outputs of this process. */
export function openOutput(
  { json, quiet, out = Deno.stdout, error = Deno.stderr }: {
    json: boolean;
    quiet: boolean;
    out?: Stream;
    error?: Stream;
  },
): Output {
  const terminal = error.isTerminal();
  let drawn = false;
  const say = (text: string) => {
    // Nobody can be told that talk was lost.
    try {
      writeAll(error, text);
    } catch { /* dropped */ }
  };
  const end = () => {
    if (drawn) say(ERASE_LINE);
    drawn = false;
  };
  const style = (stream: Stream, format: Parameters<typeof styleText>[0], text: string) =>
    stream.isTerminal() && !Deno.noColor ? styleText(format, text, ALWAYS) : text;
  const print = (text: string) => {
    end();
    say(`${text}\n`);
  };
  const errorLabel = style(error, ["red", "bold"], "error:");
  const fitted = (stream: Stream, text: string) =>
    stream.isTerminal() ? wrapped(text, columnsOf(stream)) : text;
  /** The heading of a table in bold. */
  const highlighted = (stream: Stream, text: string) => {
    const [heading, ...rows] = printable(text).split("\n").map((line) => fitted(stream, line));
    return [rows.length === 0 ? heading! : style(stream, "bold", heading!), ...rows].join("\n");
  };
  return {
    json,
    end,
    line: (text) => quiet ? undefined : print(printable(text)),
    result(text) {
      if (json) return quiet ? undefined : print(highlighted(error, text));
      end();
      writeResult(out, `${highlighted(out, text)}\n`);
    },
    warning: (text) => print(style(error, "yellow", fitted(error, printableLine(text)))),
    error: (message) =>
      print(fitted(error, `error: ${printableLine(message)}`).replace(/^error:/, errorLabel)),
    progress(text) {
      if (quiet || !terminal) return;
      const shown = printableLine(text).slice(0, columnsOf(error) - 1);
      say(ERASE_LINE + shown);
      drawn = true;
    },
    document(value) {
      if (json) writeResult(out, `${jsonText(value)}\n`);
    },
  };
}

/** A document whose texts hold nothing that a terminal would obey. */
function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2).split("\n").map(withoutControls).join("\n");
}

/**
 * Writes a result; a reader that has gone away (a closed pipe) is no error of ours.
 *
 * @throws {FormatError} where it cannot be written.
 */
function writeResult(to: Stream, text: string): void {
  try {
    writeAll(to, text);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const reason = code === "ENOSPC" || code === "EDQUOT" ? "the disk is full" : messageOf(error);
    throw new FormatError(`cannot write the result to standard output: ${reason}`, {
      cause: error,
    });
  }
}

function writeAll(to: Stream, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += to.writeSync(bytes.subarray(done));
}
