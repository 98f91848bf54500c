/** `deno task defend`: any defence by name, on a given model. */

import { DEFENSES } from "../src/defenses/defenses.ts";
import { Option } from "npm:commander@15.1.0";
import { addDefenseRunFlags, runDefense } from "./command_line/defense_run.ts";
import { newCommand, runCommand } from "./command_line/run_command.ts";

const command = newCommand(
  "defend",
  "Cleans a model by a defence of your choice, and measures it before and after.",
  [
    "--defense finetune",
    "--defense fine-pruning --model student.pth --dataset cifar10 --attack badnets --target 5",
    "--defense mcr --model suspicious.pth --dataset ./pictures",
    "--resume runs/defend-1",
  ],
);
command.addOption(
  new Option("--defense <name>", "the method: see below")
    .choices(DEFENSES.map(({ name }) => name)).default("nad"),
);
addDefenseRunFlags(command);
command.addHelpText(
  "after",
  "\nDefences:\n" + DEFENSES.map(({ name, description }) => `  ${name}: ${description}`).join("\n"),
);

await runCommand(
  command,
  (context) => runDefense(context, "defend", command.opts<{ defense: string }>().defense),
);
