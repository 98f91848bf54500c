/**
 * What a command says: human text on standard error, one JSON document on standard output. On a
 * terminal progress is one line that is drawn anew; elsewhere it is left out but for whole lines.
 */

/** The two outputs of a command. */
export interface Output {
  /** True where `--json` was given. */
  readonly json: boolean;
  /** A line for people; nothing with `--quiet`. */
  line(text: string): void;
  /** A result for people, shown even with `--quiet`, but not beside JSON on a quiet run. */
  result(text: string): void;
  /** The present state of something that takes time. */
  progress(text: string): void;
  /** The JSON document, where it was asked for. */
  document(value: unknown): void;
  /** Removes a progress line that still stands. */
  end(): void;
}

const ERASE_LINE = "\r\x1b[K";

/** Opens the outputs of this process. */
export function openOutput(options: { json: boolean; quiet: boolean }): Output {
  const { json, quiet } = options;
  const terminal = Deno.stderr.isTerminal();
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
    result: (text) => json && quiet ? undefined : print(text),
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
