/** What every command has in common: parsing, errors, exit codes, Ctrl-C. */

import { Command, CommanderError } from "npm:commander@15.1.0";
import { Interrupted, LetheError, UsageError } from "../../src/errors.ts";
import { errorText, openOutput, type Output } from "./output.ts";

/** What a command's body gets. */
export interface CommandContext {
  /** Parsed flags. */
  readonly command: Command;
  readonly output: Output;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** A command named `name` with the flags that all commands have. */
export function newCommand(
  name: string,
  description: string,
  examples: readonly string[],
): Command {
  return new Command(`deno task ${name}`)
    .description(description)
    .option("--json", "print one JSON document to standard output")
    .option("--quiet", "print nothing but errors and results")
    .helpOption("-h, --help", "show this help")
    .addHelpText(
      "after",
      "\nExamples:\n" + examples.map((example) => `  deno task ${name} ${example}`).join("\n"),
    )
    .configureHelp({ helpWidth: 100 })
    .configureOutput({
      writeOut: (text) => console.log(text.trimEnd()),
      writeErr: (text) => console.error(text.trimEnd()),
      // Nothing here is coloured; asking would need the permission to read the environment.
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError()
    .allowExcessArguments(false)
    .exitOverride();
}

/**
 * Parses the arguments, runs `body` and ends the process: exit code 0 on success, 1 on a failure
 * that a message explains, 2 on wrong usage. Errors that nobody foresaw keep their stack trace.
 */
export async function runCommand(
  command: Command,
  body: (context: CommandContext) => Promise<void>,
): Promise<never> {
  enterUsersFolder();
  try {
    command.parse(Deno.args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) Deno.exit(error.exitCode === 0 ? 0 : 2);
    throw error;
  }
  const flags = command.opts();
  const output = openOutput({ json: Boolean(flags.json), quiet: Boolean(flags.quiet) });
  const interrupt = new AbortController();
  const onInterrupt = () => {
    if (interrupt.signal.aborted) Deno.exit(1);
    output.line("Stopping after the steps in flight; Ctrl-C again quits at once.");
    interrupt.abort();
  };
  Deno.addSignalListener("SIGINT", onInterrupt);
  try {
    await body({ command, output, signal: interrupt.signal });
  } catch (error) {
    output.end();
    if (error instanceof Interrupted) {
      console.error(error.message);
      Deno.exit(1);
    }
    if (error instanceof LetheError) {
      console.error(errorText(error.message));
      Deno.exit(error instanceof UsageError ? 2 : 1);
    }
    throw error;
  }
  output.end();
  Deno.exit(0);
}

/** `deno task` starts in the project's folder; relative paths mean the one where it was typed. */
function enterUsersFolder(): void {
  const permission = Deno.permissions.querySync({ name: "env", variable: "INIT_CWD" });
  const folder = permission.state === "granted" ? Deno.env.get("INIT_CWD") : undefined;
  if (folder !== undefined) Deno.chdir(folder);
}
