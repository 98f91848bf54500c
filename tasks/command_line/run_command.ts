/** What every command has in common: parsing, errors, exit codes, Ctrl-C. */

import { Command, CommanderError } from "npm:commander@15.1.0";
import { Interrupted, LetheError, messageOf, UsageError } from "../../src/errors.ts";
import { typedCommand } from "./typed_command.ts";
import { openOutput, type Output } from "./output.ts";

/** What a command's body gets. */
export interface CommandContext {
  /** Parsed flags. */
  readonly command: Command;
  readonly output: Output;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Exit code of a process that Ctrl-C has ended: 128 and the number of the signal. */
const INTERRUPTED = 130;

/** What is said before the flags are known. */
const LOUD = openOutput({ json: false, quiet: false });

/** A command named `name` with the flags that all commands have. */
export function newCommand(
  name: string,
  description: string,
  examples: readonly string[],
): Command {
  return new Command(typedCommand(name))
    .description(description)
    .option("--json", "print one JSON document to standard output")
    .option("--quiet", "print nothing but errors and results")
    .helpOption("-h, --help", "show this help")
    .addHelpText(
      "after",
      "\nExamples:\n" + examples.map((example) => `  ${typedCommand(name)} ${example}`).join("\n"),
    )
    .configureHelp({ helpWidth: 100 })
    .configureOutput({
      writeOut: (text) => LOUD.result(text.trimEnd()),
      writeErr: (text) => LOUD.line(text.trimEnd()),
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
 * that a message explains, 2 on wrong usage, 130 where Ctrl-C ended it. Errors that nobody foresaw
 * keep their stack trace.
 */
export async function runCommand(
  command: Command,
  body: (context: CommandContext) => Promise<void>,
): Promise<never> {
  enterUsersFolder();
  let output = LOUD;
  try {
    command.parse(Deno.args, { from: "user" });
    const flags = command.opts();
    output = openOutput({ json: Boolean(flags.json), quiet: Boolean(flags.quiet) });
    const interrupt = new AbortController();
    const onInterrupt = () => {
      if (interrupt.signal.aborted) Deno.exit(INTERRUPTED);
      output.line("Stopping after the steps in flight; Ctrl-C again quits at once.");
      interrupt.abort();
    };
    Deno.addSignalListener("SIGINT", onInterrupt);
    await body({ command, output, signal: interrupt.signal });
  } catch (error) {
    output.end();
    Deno.exit(exitCode(error, output));
  }
  output.end();
  Deno.exit(0);
}

/** Says what an error was, and how the process ends. */
function exitCode(error: unknown, output: Output): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Interrupted) {
    output.warning(error.message);
    return INTERRUPTED;
  }
  if (error instanceof LetheError) {
    output.error(error.message);
    return error instanceof UsageError ? 2 : 1;
  }
  output.error("this is a fault in Lethe itself; please report it with what follows");
  LOUD.line(error instanceof Error ? error.stack ?? error.message : messageOf(error));
  return 1;
}

/** `deno task` starts in the project's folder; relative paths mean the one where it was typed. */
function enterUsersFolder(): void {
  const permission = Deno.permissions.querySync({ name: "env", variable: "INIT_CWD" });
  const folder = permission.state === "granted" ? Deno.env.get("INIT_CWD") : undefined;
  if (folder !== undefined) Deno.chdir(folder);
}
