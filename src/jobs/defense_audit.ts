/** The audits before and after a defence. */

import { audit, AUDIT_DEFAULTS, checkAudit } from "../audit/audit.ts";
import type { Dataset } from "../data/image_set.ts";
import { LetheError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { NamedState } from "../nn/state.ts";
import { type AuditedStage, auditsOf } from "../runs/audit.ts";
import type { RunFolder } from "../runs/run_folder.ts";
import { shown } from "../text/quoted.ts";
import { patternsFile } from "./audit_files.ts";
import { auditDocument, auditProgressText } from "./audit_results.ts";
import type { DefenseRunSettings } from "./defense_settings.ts";
import type { Watcher } from "./watcher.ts";

/** What an audit of a run works with. */
export interface AuditContext {
  readonly gpu: Gpu;
  readonly settings: DefenseRunSettings;
  readonly dataset: Dataset;
  readonly folder: RunFolder;
  readonly output: Watcher;
  readonly signal: AbortSignal;
}

/** Why the clean images cannot audit a model; undefined where they can. */
export function auditObstacle(settings: DefenseRunSettings, dataset: Dataset): string | undefined {
  try {
    const { seed } = settings.studentTraining;
    checkAudit(dataset.train, { ...AUDIT_DEFAULTS, seed }, dataset.classNames.length);
    return undefined;
  } catch (error) {
    if (error instanceof LetheError) return error.message;
    throw error;
  }
}

/** Audits a network of the run, unless that was done before it was interrupted. */
export async function auditStage(
  stage: AuditedStage,
  network: NamedState,
  { gpu, settings, dataset, folder, output, signal }: AuditContext,
): Promise<void> {
  const earlier = auditsOf(folder.record);
  if (earlier[stage]) return;
  const { classNames, train } = dataset;
  const { preprocessing, studentTraining: { seed } } = settings;
  const start = performance.now();
  const result = await audit(gpu, network, train, { ...AUDIT_DEFAULTS, preprocessing, seed }, {
    signal,
    onProgress: (share) => {
      const seconds = (performance.now() - start) / 1000;
      output.progress(auditProgressText(share, `(${stage})`, seconds));
    },
  });
  const document = auditDocument(result, {
    model: network.source,
    dataset: dataset.name,
    classNames,
    adapter: gpu.adapter.name,
  });
  const { height, width } = train;
  const size = { classes: classNames.length, height, width };
  await folder.saveFile(`audit-${stage}.safetensors`, patternsFile(result.classes, size));
  await folder.update({ results: { audit: { ...earlier, [stage]: document } } });
  const suspects = document.flagged.map((label) => `${label} (${shown(classNames[label]!)})`);
  output.line(
    `audit ${stage}: anomaly index ${document.anomalyIndex.toFixed(2)}, suspicious classes: ` +
      (suspects.join(", ") || "none"),
  );
}
