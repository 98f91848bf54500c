/** What a run of a defence writes into its folder as it goes on, and what it finds there. */

import { BACKDOOR_KEY } from "../../src/attacks/backdoor.ts";
import type { Dataset } from "../../src/data/image_set.ts";
import type { DefendHooks } from "../../src/defenses/defend.ts";
import type { DefenseSettings } from "../../src/defenses/defense.ts";
import { findDefense } from "../../src/defenses/defenses.ts";
import type { RunFolder } from "../../src/train/run_folder.ts";
import { VERSION } from "../../src/version.ts";
import { accuracyText, evaluationsOf, modelName, ROW_NAMES } from "./defense_results.ts";
import type { DefenseRunSettings } from "./defense_settings.ts";
import type { Output } from "./output.ts";
import {
  evaluationDocument,
  evaluationProgressText,
  measurementWarnings,
  progressText,
  resultsTable,
} from "./results.ts";
import { metricsLines } from "./training.ts";

/** Models that lie at the top of a run folder; those of other phases are what a resume needs. */
const TOP_MODELS: readonly string[] = ["teacher", "student"];

/** What the hooks write about, and where. */
export interface Recording {
  readonly settings: DefenseRunSettings;
  /** As the defence has them. */
  readonly fitted: DefenseSettings;
  readonly dataset: Dataset;
  readonly folder: RunFolder;
  readonly output: Output;
  /** Name of the GPU. */
  readonly adapter: string;
}

/** Hooks that put everything into the run folder and on the terminal. */
export function recordingHooks(
  { settings, fitted, dataset, folder, output, adapter }: Recording,
): DefendHooks {
  const { training } = fitted;
  const finetuning = findDefense(settings.defense).finetuning?.(fitted);
  const phaseEpochs = (phase: string) =>
    fitted[phase === finetuning?.phase ? finetuning.training : "training"].epochs;
  return {
    onEvaluationProgress: (stage, images, total) =>
      output.progress(evaluationProgressText(ROW_NAMES[stage] ?? stage, images, total)),
    async onEvaluated(stage, evaluation) {
      const document = evaluationDocument(evaluation, {
        model: modelName(stage, settings, folder),
        dataset: dataset.name,
        adapter,
        backdoor: settings.attack,
      });
      await folder.update({ results: { [stage]: document } });
      output.line(resultsTable([[ROW_NAMES[stage] ?? stage, document]]));
      if (stage !== "before") return;
      for (const warning of measurementWarnings(document, dataset.classNames)) {
        output.warning(warning);
      }
    },
    onProgress: (phase, progress) =>
      output.progress(progressText(phase, progress, training.batchSize)),
    async onEpoch(phase, metrics, snapshot) {
      const lines = metricsLines(phase, metrics, settings.logEvery ?? undefined);
      await folder.saveEpoch(lines, snapshot);
      await folder.update({});
      output.line(
        `${phase} epoch ${metrics.epoch + 1}/${phaseEpochs(phase)}: ` +
          `loss ${metrics.loss.toFixed(4)}${accuracyText(metrics.heldOutAccuracy)}, ` +
          `${metrics.imagesPerSecond.toFixed(0)} images/s`,
      );
    },
    onTrained: async (phase, state) =>
      await folder.saveModel(modelFile(phase), state, modelMetadata(settings)),
    async onNote(name, value) {
      const notes = { ...folder.record.results.notes as object, [name]: value };
      await folder.update({ results: { notes } });
    },
  };
}

/** What an interrupted run had reached. */
export async function resumption(folder: RunFolder): Promise<DefendHooks["resume"]> {
  return {
    done: new Set(evaluationsOf(folder).map(([stage]) => stage)),
    snapshot: await folder.readSnapshot(),
    trained: async (phase) => await folder.readModel(modelFile(phase)),
  };
}

/** Where the model of a phase lies, without its ending. */
export function modelFile(phase: string): string {
  return TOP_MODELS.includes(phase) ? phase : `checkpoint/${phase}`;
}

/** What the models of a run say of themselves; nothing in it depends on where the run lies. */
export function modelMetadata(settings: DefenseRunSettings): Map<string, string> {
  const metadata = new Map([["format", "pt"], ["lethe.version", VERSION]]);
  if (settings.attack) metadata.set(BACKDOOR_KEY, JSON.stringify(settings.attack));
  return metadata;
}
