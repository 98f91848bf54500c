/** `deno task audit`: how suspicious a model is, without any trigger. */

import { auditJob } from "../src/jobs/audit_job.ts";
import { auditTable } from "../src/jobs/audit_results.ts";
import { auditSettings } from "../src/jobs/audit_settings.ts";
import { downloadIfAsked } from "../src/jobs/load.ts";
import { verdictText } from "../src/jobs/results.ts";
import { typedCommand } from "../src/jobs/typed_command.ts";
import { auditVerdict } from "../src/report/audit_verdict.ts";
import { shown } from "../src/text/quoted.ts";
import { failOnSuspicion } from "./command_line/fail_on.ts";
import { defineCommand } from "./command_line/command.ts";

/** Audits a model. */
export const audit = defineCommand({
  name: "audit",
  summary:
    "Says how suspicious a model is, without knowing any trigger: finds the smallest trigger " +
    "that leads to each class and the largest margin by which it wins, and which classes stand out. " +
    "Without arguments: the embedded model on the embedded signs.",
  examples: [
    "",
    "suspicious.pth --dataset ./pictures",
    "student.pth --dataset cifar10 --data ./data --json",
    "runs/erase-1/student.safetensors",
  ],
  argument: { name: "model", gives: "model" },
  async run(context, flags) {
    const { output } = context;
    await downloadIfAsked(flags, output);
    const settings = await auditSettings(flags);
    const { document, classes, out } = await auditJob(context, settings, flags.out);
    output.result(auditTable(document));
    output.result(verdictText(auditVerdict(document, classes)));
    output.line(`recovered triggers: ${shown(`${out}/patterns.png`)}`);
    output.line(`now: ${typedCommand("report", out)}`);
    output.document(document);
    if (flags.failOn) failOnSuspicion({ audit: document, classes });
  },
});
