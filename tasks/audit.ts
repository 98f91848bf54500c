/** `deno task audit`: how suspicious a model is, without any trigger. */

import { audit as auditModel, checkAudit } from "../src/audit/audit.ts";
import { auditVerdict } from "../src/report/audit_verdict.ts";
import { Interrupted } from "../src/errors.ts";
import type { RunFolder } from "../src/runs/run_folder.ts";
import { shown } from "../src/text/quoted.ts";
import { patternsFile, patternsPicture } from "./command_line/audit_files.ts";
import { auditDocument, auditProgressText, auditTable } from "./command_line/audit_results.ts";
import { auditSettings } from "./command_line/audit_settings.ts";
import {
  downloadIfAsked,
  expectClasses,
  loadData,
  loadNetwork,
  openGpuFor,
  preprocessingText,
  warnOfUnread,
} from "./command_line/load.ts";
import { defineCommand } from "./command_line/command.ts";
import { COMPILING, verdictText } from "./command_line/results.ts";
import { typedCommand } from "./command_line/typed_command.ts";
import { beginRun, imagesOf } from "./command_line/runs.ts";

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
  async run({ output, signal }, flags) {
    await downloadIfAsked(flags, output);
    const settings = await auditSettings(flags);
    const network = await loadNetwork(settings.model, settings.arch ?? undefined);
    warnOfUnread(network, output);
    const dataset = await loadData(settings, settings.subset, output);
    expectClasses(network, dataset);
    const { classNames, train: clean } = dataset;
    const labels = settings.classes ?? undefined;
    // What cannot be audited is refused before a folder is made.
    checkAudit(clean, { ...settings, labels }, classNames.length);

    using gpu = await openGpuFor(output);
    const folder = await beginRun(flags.out, {
      command: "audit",
      adapter: gpu.adapter.name,
      settings: { ...settings },
      images: await imagesOf(dataset),
    });
    output.line(
      `auditing ${shown(settings.model)} with up to ${settings.images} of ` +
        `${clean.labels.length} clean images of ${shown(dataset.name)}; run folder ` +
        shown(folder.path),
    );
    output.line(
      `${network.architecture.name} with ${classNames.length} classes; ` +
        preprocessingText(settings.preprocessing),
    );
    output.progress(COMPILING);
    const document = await auditInto(folder, async () => {
      const start = performance.now();
      const result = await auditModel(gpu, network, clean, { ...settings, labels }, {
        signal,
        onProgress(share, label) {
          const what = label === undefined
            ? "largest margins"
            : `class ${label} ${classNames[label]}`;
          const seconds = (performance.now() - start) / 1000;
          output.progress(auditProgressText(share, what, seconds));
        },
      });
      const document = auditDocument(result, {
        model: settings.model,
        dataset: dataset.name,
        classNames,
        adapter: gpu.adapter.name,
      });
      const { height, width } = clean;
      const size = { classes: classNames.length, height, width };
      await folder.saveFile("patterns.safetensors", patternsFile(result.classes, size));
      await folder.saveFile("patterns.png", patternsPicture(result.classes, clean));
      await folder.update({ finished: true, results: { audit: document } });
      return document;
    });
    output.result(auditTable(document));
    output.result(verdictText(auditVerdict(document, classNames.length)));
    output.line(`recovered triggers: ${shown(`${folder.path}/patterns.png`)}`);
    output.line(`now: ${typedCommand("report", folder.path)}`);
    output.document(document);
  },
});

/** An audit keeps nothing until its end: one that fails or is stopped leaves no folder. */
async function auditInto<T>(folder: RunFolder, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    await folder.discard();
    throw error instanceof Interrupted
      ? new Interrupted("stopped; an audit keeps nothing until its end")
      : error;
  } finally {
    folder.close();
  }
}
