/** `deno task evaluate`: accuracy, and with an attack named its success, of one model. */

import { UsageError } from "../src/errors.ts";
import { evaluateJob } from "../src/jobs/evaluate_job.ts";
import { downloadIfAsked } from "../src/jobs/load.ts";
import { intervalText, measurementWarnings, resultsTable } from "../src/jobs/results.ts";
import { MEASURED_ATTACKS } from "./command_line/attack_notes.ts";
import { defineCommand } from "./command_line/command.ts";

/** Measures a model. */
export const evaluate = defineCommand({
  name: "evaluate",
  summary: "Accuracy and attack success of a model.",
  examples: [
    "student.safetensors --dataset cifar10 --data ./data",
    "student.pth --dataset cifar10 --attack badnets --target 5",
    "models/signs-badnets.safetensors --attack recorded",
    "clean.pth --dataset cifar10 --attack backdoored.safetensors",
  ],
  argument: { name: "model", gives: "model" },
  notes: MEASURED_ATTACKS,
  async run(context, flags) {
    if (flags.model === undefined) {
      throw new UsageError("cannot evaluate without a model: name one by --model");
    }
    const { output } = context;
    await downloadIfAsked(flags, output);
    const { document, architecture, classNames } = await evaluateJob(context, flags.model, flags);
    output.result(resultsTable([[architecture, document]]));
    output.result(intervalText(document));
    for (const warning of measurementWarnings(document, classNames)) output.warning(warning);
    output.document(document);
  },
});
