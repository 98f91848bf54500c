/** What a command is: a value, so that what it refuses can be tested without a process of its own. */

import type { Command as Parser } from "npm:commander@15.1.0";
import type { CommandName, Fields } from "../../src/settings/setting.ts";
import type { Flags } from "../../src/settings/table.ts";
import type { Output } from "./output.ts";

/** What a command's body gets. */
export interface CommandContext {
  /** The arguments as they were parsed. */
  readonly parser: Parser;
  /** What stands before the flags, where the command takes it and no setting does. */
  readonly argument: string | undefined;
  /** Where results and talk go. */
  readonly output: Output;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** A list that the help ends with. */
export interface Note {
  /** What is listed. */
  readonly heading: string;
  /** A name and what is said of it, one entry each. */
  readonly entries: readonly (readonly [name: string, text: string])[];
  /** Whether only `--help-all` shows it. */
  readonly expert: boolean;
}

/** A command. */
export interface Command {
  /** As `deno task` takes it. */
  readonly name: CommandName;
  /** What it does, in one or two sentences. */
  readonly summary: string;
  /** Arguments to show, the simplest first. */
  readonly examples: readonly string[];
  /** What may stand without a flag. */
  readonly argument?: {
    /** As the usage shows it. */
    readonly name: string;
    /** What it is; for the help where no setting says it. */
    readonly help?: string;
    /** The setting that it gives, which has a flag too; without it the argument must be there. */
    readonly gives?: "model";
  };
  /** What the help ends with. */
  readonly notes?: readonly Note[];
  /** Does it, as the flags say. */
  run(context: CommandContext, flags: Fields): Promise<void>;
}

/** A command whose body knows the types of its flags: the table says which there are. */
export function defineCommand<const C extends CommandName>(
  command: Omit<Command, "name" | "run"> & {
    readonly name: C;
    run(context: CommandContext, flags: Flags<C>): Promise<void>;
  },
): Command {
  return { ...command, run: (context, flags) => command.run(context, flags as Flags<C>) };
}
