/** `deno task erase`: the main job, from a backdoored model to a cleaned one. */

import { UsageError } from "../src/errors.ts";
import { failOnSuspicion } from "./command_line/fail_on.ts";
import { defineCommand } from "./command_line/command.ts";
import { DEFENSE_NOTES, runDefense } from "./command_line/defense_command.ts";

/** Neural Attention Distillation, with everything measured. */
export const erase = defineCommand({
  name: "erase",
  summary:
    "Erases a backdoor by Neural Attention Distillation, without knowing its trigger. Without " +
    "arguments: the embedded model on the embedded signs.",
  examples: [
    "suspicious.pth --dataset ./pictures",
    "student.pth --dataset cifar10 --attack badnets --target 5",
  ],
  argument: { name: "model", gives: "model" },
  notes: DEFENSE_NOTES,
  async run(context, flags) {
    if (flags.failOn && flags.audit === false) {
      throw new UsageError(
        "cannot fail on suspicion with --no-audit: it is the audit that finds it",
      );
    }
    const audit = flags.failOn && flags.resume === undefined ? { audit: true } : {};
    const evidence = await runDefense(context, "erase", "nad", { ...flags, ...audit });
    if (flags.failOn) failOnSuspicion(evidence);
  },
});
