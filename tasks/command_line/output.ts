/**
 * What a command says: human text on standard error, one JSON document on standard output. On a
 * terminal progress is one line that is drawn anew; elsewhere it is left out but for whole lines.
 */

import { styleText } from "node:util";

/** The two outputs of a command. */
export interface Output {
  /** True where `--json` was given. */
  readonly json: boolean;
  /** A line for people; nothing with `--quiet`. */
  line(text: string): void;
  /** A result for people, shown even with `--quiet`, but not beside JSON on a quiet run. */
  result(text: string): void;
  /** Something that people should know of, shown even with `--quiet`. */
  warning(text: string): void;
  /** The present state of something that takes time. */
  progress(text: string): void;
  /** The JSON document, where it was asked for. */
  document(value: unknown): void;
  /** Removes a progress line that still stands. */
  end(): void;
}

const ERASE_LINE = "\r\x1b[K";

/** Colours are asked for here, not by the function that makes them. */
const ALWAYS = { validateStream: false } as const;

/** True on a terminal, unless NO_COLOR is set. */
function hasColour(): boolean {
  return Deno.stderr.isTerminal() && !Deno.noColor;
}

/** The heading of a table in bold. */
function highlighted(text: string): string {
  const [heading, ...rows] = text.split("\n");
  return rows.length === 0 ? text : [styleText("bold", heading!, ALWAYS), ...rows].join("\n");
}

/** The message of an error as it is shown. */
export function errorText(message: string): string {
  const label = hasColour() ? styleText(["red", "bold"], "error:", ALWAYS) : "error:";
  return `${label} ${message}`;
}

/** Opens the outputs of this process. */
export function openOutput(options: { json: boolean; quiet: boolean }): Output {
  const { json, quiet } = options;
  const terminal = Deno.stderr.isTerminal();
  const colour = hasColour();
  const encoder = new TextEncoder();
  let drawn = false;
  const end = () => {
    if (drawn) write(Deno.stderr, encoder.encode(ERASE_LINE));
    drawn = false;
  };
  const print = (text: string) => {
    end();
    write(Deno.stderr, encoder.encode(text + "\n"));
  };
  return {
    json,
    end,
    line: (text) => quiet ? undefined : print(text),
    result: (text) => json && quiet ? undefined : print(colour ? highlighted(text) : text),
    warning: (text) => print(colour ? styleText("yellow", text, ALWAYS) : text),
    progress(text) {
      if (quiet || !terminal) return;
      const { columns } = Deno.consoleSize();
      write(Deno.stderr, encoder.encode(ERASE_LINE + text.slice(0, Math.max(20, columns - 1))));
      drawn = true;
    },
    document(value) {
      if (json) write(Deno.stdout, encoder.encode(JSON.stringify(value, null, 2) + "\n"));
    },
  };
}

/** Writes all bytes; a reader that has gone away (a closed pipe) is no error of ours. */
function write(to: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  try {
    for (let done = 0; done < bytes.length;) done += to.writeSync(bytes.subarray(done));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
