/** What every command has in common: parsing, errors, exit codes. Only `main.ts` ends the process. */

import { Command as Parser, CommanderError } from "npm:commander@15.1.0";
import { Finding, Interrupted, LetheError, messageOf, UsageError } from "../../src/errors.ts";
import { shown } from "../../src/text/quoted.ts";
import type { Command } from "./command.ts";
import { addFlags } from "./flags.ts";
import { helpText, helpWidth } from "./help.ts";
import { openOutput, type Output, type Stream } from "./output.ts";
import { typedCommand } from "../../src/jobs/typed_command.ts";

/** Exit code of a process that Ctrl-C has ended: 128 and the number of the signal. */
export const INTERRUPTED = 130;

/** Where a command stands. */
export interface Surroundings {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** In place of standard output. */
  readonly out?: Stream;
  /** In place of standard error. */
  readonly error?: Stream;
  /** Told where the command's talk goes. */
  onOutput?(output: Output): void;
}

/** The parser of a command's arguments. */
export function parserOf(command: Command): Parser {
  const parser = new Parser(typedCommand(command.name))
    .helpOption(false)
    .option("-h, --help", "")
    .option("--help-all", "")
    .showSuggestionAfterError()
    .allowExcessArguments(false)
    .exitOverride();
  const { argument } = command;
  if (argument) parser.argument(argument.gives ? `[${argument.name}]` : `<${argument.name}>`);
  addFlags(parser, command.name);
  return parser;
}

/**
 * Parses the arguments and runs the command.
 *
 * @returns the exit code: 0 on success, 1 on a failure that a message explains, 2 on wrong usage, 3 on
 * a finding that --fail-on names, 130 where Ctrl-C ended it. Errors that nobody foresaw are 1 and keep their stack trace.
 */
export async function runCommand(
  command: Command,
  args: readonly string[],
  { signal, onOutput, ...streams }: Surroundings,
): Promise<number> {
  const loud = openOutput({ json: false, quiet: false, ...streams });
  const parser = parserOf(command).configureOutput({
    writeErr: (text) => loud.line(text.trimEnd()),
    // Nothing here is coloured; asking would need the permission to read the environment.
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
  let output = loud;
  try {
    const help = args.find((arg) => ["-h", "--help", "--help-all"].includes(arg));
    if (help !== undefined) {
      loud.result(helpText(command, { all: help === "--help-all", width: helpWidth() }));
      return 0;
    }
    parser.parse(args, { from: "user" });
    const { json, quiet } = parser.opts();
    output = openOutput({ json: Boolean(json), quiet: Boolean(quiet), ...streams });
    onOutput?.(output);
    const argument = takeArgument(command, parser);
    await command.run({ parser, argument, output, signal }, parser.opts());
    output.end();
    return 0;
  } catch (error) {
    output.end();
    return exitCode(error, output, loud);
  }
}

/** Says what an error was, and how the process ends. */
function exitCode(error: unknown, output: Output, loud: Output): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Interrupted) {
    output.warning(error.message);
    return INTERRUPTED;
  }
  if (error instanceof Finding) {
    output.warning(error.message);
    return 3;
  }
  if (error instanceof LetheError) {
    output.error(error.message);
    return error instanceof UsageError ? 2 : 1;
  }
  output.error("this is a fault in Lethe itself; please report it with what follows");
  loud.line(error instanceof Error ? error.stack ?? error.message : messageOf(error));
  return 1;
}

/** What stands without a flag; where it gives a setting, it becomes that. */
function takeArgument({ argument }: Command, parser: Parser): string | undefined {
  const found: unknown = parser.processedArgs[0];
  if (!argument || typeof found !== "string") return undefined;
  if (found.trim() === "") {
    throw new UsageError(`cannot use an empty ${argument.name}: expected a path`);
  }
  if (argument.gives === undefined) return found;
  if (parser.getOptionValueSource(argument.gives) === "cli") {
    throw new UsageError(
      `cannot take both ${shown(found)} and --${argument.gives}: give one ${argument.name}`,
    );
  }
  parser.setOptionValueWithSource(argument.gives, found, "cli");
  return undefined;
}
