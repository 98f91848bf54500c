/** What a command reads from its arguments. */

import type { CommandName } from "../../src/settings/setting.ts";
import type { Flags } from "../../src/settings/table.ts";
import { parserOf } from "../../tasks/command_line/run_command.ts";
import { COMMANDS } from "../../tasks/main.ts";

/** The flags of the command of that name, parsed as the command line does. */
export function flagsOf<C extends CommandName>(name: C, args: readonly string[]): Flags<C> {
  const command = COMMANDS.find((command) => command.name === name)!;
  return parserOf(command).parse(args, { from: "user" }).opts();
}
