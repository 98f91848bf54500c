/** A run of `audit`, from settings to a document and a run folder. */

import { audit, checkAudit } from "../audit/audit.ts";
import { Interrupted } from "../errors.ts";
import type { AuditDocument } from "../runs/audit.ts";
import type { RunFolder } from "../runs/run_folder.ts";
import { shown } from "../text/quoted.ts";
import { patternsFile, patternsPicture } from "./audit_files.ts";
import { auditDocument, auditProgressText } from "./audit_results.ts";
import type { AuditRunSettings } from "./audit_settings.ts";
import {
  expectClasses,
  loadData,
  loadNetwork,
  openGpuFor,
  preprocessingText,
  warnOfUnread,
} from "./load.ts";
import { COMPILING } from "./results.ts";
import { beginRun, imagesOf } from "./runs.ts";
import { decideVariant } from "./variant.ts";
import type { JobContext } from "./watcher.ts";

/** What an audit came to. */
export interface AuditFileResult {
  /** Every class with its statistics, and which stand out. */
  readonly document: AuditDocument;
  /** Number of classes of the model. */
  readonly classes: number;
  /** Path of the run folder. */
  readonly out: string;
}

/**
 * Audits a model as the settings say.
 *
 * @param out Where the run folder is to be; without it a new one in `./runs`.
 */
export async function auditJob(
  { output, signal }: JobContext,
  settings: AuditRunSettings,
  out: string | undefined,
): Promise<AuditFileResult> {
  const loaded = await loadNetwork(
    settings.model,
    settings.arch ?? undefined,
    settings.key ?? undefined,
  );
  warnOfUnread(loaded, output);
  const dataset = await loadData(settings, settings.subset, output);
  expectClasses(loaded, dataset);
  const { classNames, train: clean } = dataset;
  const labels = settings.classes ?? undefined;
  // What cannot be audited is refused before a folder is made.
  checkAudit(clean, { ...settings, labels }, classNames.length);

  using gpu = await openGpuFor(output);
  const { preprocessing } = settings;
  const network = await decideVariant(gpu, loaded, clean, { preprocessing, output, signal });
  const folder = await beginRun(out, {
    command: "audit",
    adapter: gpu.adapter.name,
    settings: { ...settings, ...loaded.others && { arch: network.architecture.name } },
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
  const document = await auditInto(folder, async () => {
    const start = performance.now();
    output.progress(COMPILING);
    const result = await audit(gpu, network, clean, { ...settings, labels }, {
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
  return { document, classes: classNames.length, out: folder.path };
}

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
