/** `deno task attack`: trains a network from scratch, with a backdoor or, by `none`, without. */

import { attackJob, galleryJob } from "../src/jobs/attack_job.ts";
import { attackSettings, resumedAttack } from "../src/jobs/attack_settings.ts";
import { downloadIfAsked } from "../src/jobs/load.ts";
import { intervalText, measurementWarnings, resultsTable } from "../src/jobs/results.ts";
import { continueRun } from "../src/jobs/runs.ts";
import { typedCommand } from "../src/jobs/typed_command.ts";
import { shown } from "../src/text/quoted.ts";
import { TRAINED_ATTACKS } from "./command_line/attack_notes.ts";
import { defineCommand } from "./command_line/command.ts";
import { checkResumeFlags } from "./command_line/resume_flags.ts";

/** Implants a backdoor. */
export const attack = defineCommand({
  name: "attack",
  summary: "Trains a network from scratch on a poisoned data set; with --attack none, a clean one.",
  examples: [
    "--dataset signs --attack badnets --target 7",
    "--dataset cifar10 --attack badnets --target 5 --epochs 20",
    "--dataset ./pictures --attack sig --attack-options delta=10",
    "--dataset ./pictures --attack none",
    "--dataset cifar10 --attack sig --gallery sig.png",
  ],
  notes: TRAINED_ATTACKS,
  async run(context, flags) {
    const { output } = context;
    if (flags.resume !== undefined) checkResumeFlags(context.parser);
    const resumed = flags.resume === undefined
      ? undefined
      : await continueRun(flags.resume, "attack", output);
    if (!resumed) await downloadIfAsked(flags, output);
    if (flags.gallery !== undefined) {
      return output.result(await galleryJob(context, flags, flags.gallery));
    }
    const asked = resumed ? resumedAttack(resumed) : await attackSettings(flags);
    const result = await attackJob(context, asked, flags, resumed);
    const { settings, name, model, poisoned, classNames, out } = result;
    output.result(resultsTable([[name, model]]));
    output.result(intervalText(model));
    for (const warning of measurementWarnings(model, classNames)) output.warning(warning);
    output.line(`model: ${shown(`${out}/model.safetensors`)}`);
    output.line(`now: ${typedCommand("report", out)}`);
    output.document({ model, poisoned, settings, out });
  },
});
