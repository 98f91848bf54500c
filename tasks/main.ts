/** `deno task COMMAND`: finds the command, runs it and ends the process; nothing else ends it. */

import { nearestName } from "../src/data/nearest_name.ts";
import { messageOf } from "../src/errors.ts";
import { quoted } from "../src/text/quoted.ts";
import { VERSION } from "../src/version.ts";
import { attack } from "./attack.ts";
import { audit } from "./audit.ts";
import { bench } from "./bench.ts";
import type { Command } from "./command_line/command.ts";
import { openOutput } from "./command_line/output.ts";
import { INTERRUPTED, runCommand } from "./command_line/run_command.ts";
import { defend } from "./defend.ts";
import { doctor } from "./doctor.ts";
import { erase } from "./erase.ts";
import { evaluate } from "./evaluate.ts";
import { report } from "./report.ts";
import { sweep } from "./sweep.ts";

/** All commands; a new one is a file and a line here. */
export const COMMANDS: readonly Command[] = [
  erase,
  defend,
  attack,
  evaluate,
  audit,
  report,
  sweep,
  doctor,
  bench,
];

/** Runs the command that the arguments name. */
export async function main(words: readonly string[]): Promise<never> {
  let output = openOutput({ json: false, quiet: false });
  try {
    enterUsersFolder();
  } catch (error) {
    output.error(`cannot work in the folder in which this was typed: ${messageOf(error)}`);
    Deno.exit(1);
  }
  const [first, ...rest] = words[0] === "help" ? [...words.slice(1, 2), "--help"] : words;
  if (first === "--version") {
    output.result(VERSION);
    Deno.exit(0);
  }
  const command = COMMANDS.find(({ name }) => name === first);
  if (!command) {
    const names = COMMANDS.map(({ name }) => name);
    const near = nearestName(first ?? "", names);
    output.error(
      `unknown command ${quoted(first ?? "")}: expected one of ${names.join(", ")}` +
        (near === undefined ? "" : `; did you mean ${near}?`),
    );
    Deno.exit(2);
  }
  const interrupt = new AbortController();
  Deno.addSignalListener("SIGINT", () => {
    if (interrupt.signal.aborted) Deno.exit(INTERRUPTED);
    output.line("Stopping after the steps in flight; Ctrl-C again quits at once.");
    interrupt.abort();
  });
  Deno.exit(
    await runCommand(command, rest, {
      signal: interrupt.signal,
      onOutput: (opened) => output = opened,
    }),
  );
}

/**
 * `deno task` starts in the project's folder; relative paths mean the one where it was typed. Throws
 * what Deno does where that has gone, or its path is not UTF-8.
 */
function enterUsersFolder(): void {
  const permission = Deno.permissions.querySync({ name: "env", variable: "INIT_CWD" });
  const folder = permission.state === "granted" ? Deno.env.get("INIT_CWD") : undefined;
  if (folder !== undefined) Deno.chdir(folder);
}

if (import.meta.main) await main(Deno.args);
