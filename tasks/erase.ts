/** `deno task erase`: the main job, from a backdoored model to a cleaned one. */

import { addDefenseRunFlags, runDefense } from "./command_line/defense_run.ts";
import { newCommand, runCommand } from "./command_line/run_command.ts";

const command = newCommand(
  "erase",
  "Erases a backdoor by Neural Attention Distillation: finetunes a teacher on clean images, then\n" +
    "distils its attention into the model. Without flags: the embedded model on the embedded signs.",
  [
    "",
    "--model suspicious.pth --dataset ./pictures",
    "--model student.pth --dataset cifar10 --data ./data --attack badnets --target 5",
    "--resume runs/erase-1",
  ],
);
addDefenseRunFlags(command);

await runCommand(command, (context) => runDefense(context, "erase", "nad"));
