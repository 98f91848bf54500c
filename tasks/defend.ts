/** `deno task defend`: any defence by name, on a given model. */

import { DEFENSES } from "../src/defenses/defenses.ts";
import { defineCommand } from "./command_line/command.ts";
import { DEFENSE_NOTES, runDefense } from "./command_line/defense_command.ts";

/** A defence of the user's choice, with everything measured. */
export const defend = defineCommand({
  name: "defend",
  summary: "Cleans a model by a defence of your choice, and measures it before and after.",
  examples: [
    "--defense finetune",
    "student.pth --defense fine-pruning --dataset cifar10",
    "suspicious.pth --defense mcr --dataset ./pictures",
    "--resume runs/defend-1",
  ],
  argument: { name: "model", gives: "model" },
  notes: [
    {
      heading: "Defences",
      entries: DEFENSES.map(({ name, description }) => [name, description]),
      expert: false,
    },
    ...DEFENSE_NOTES,
  ],
  async run(context, flags) {
    await runDefense(context, "defend", flags.defense, flags);
  },
});
