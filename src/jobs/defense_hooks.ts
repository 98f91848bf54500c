/** What a run of a defence writes into its folder as it goes on, and what it finds there. */

import { BACKDOOR_KEY } from "../attacks/backdoor.ts";
import type { Dataset } from "../data/image_set.ts";
import type { DefendHooks } from "../defenses/defend.ts";
import type { Defense, DefenseSettings } from "../defenses/defense.ts";
import { findDefense } from "../defenses/defenses.ts";
import { checkState, type NamedState } from "../nn/state.ts";
import { evaluationsOf } from "../runs/evaluation.ts";
import type { RunFolder } from "../runs/run_folder.ts";
import { checkSnapshot } from "../runs/snapshot_file.ts";
import { VERSION } from "../version.ts";
import { accuracyText, modelName, rowName } from "./defense_results.ts";
import type { DefenseRunSettings } from "./defense_settings.ts";
import type { Watcher } from "./watcher.ts";
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
  readonly output: Watcher;
  /** Name of the GPU. */
  readonly adapter: string;
}

/** Hooks that put everything into the run folder and on the terminal. */
export function recordingHooks(
  { settings, fitted, dataset, folder, output, adapter }: Recording,
): DefendHooks {
  const { training } = fitted;
  return {
    onEvaluationProgress: (stage, images, total) =>
      output.progress(evaluationProgressText(rowName(stage, folder), images, total)),
    async onEvaluated(stage, evaluation) {
      const document = evaluationDocument(evaluation, {
        model: modelName(stage, settings, folder),
        dataset: dataset.name,
        adapter,
        backdoor: settings.attack,
      });
      await folder.update({ results: { [stage]: document } });
      output.line(resultsTable([[rowName(stage, folder), document]]));
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
      output.line(
        `${phase} epoch ${metrics.epoch + 1}/${
          epochsOf(phase, findDefense(settings.defense), fitted)
        }: ` +
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

/** Epochs of a phase of a defence. */
function epochsOf(phase: string, defense: Defense, fitted: DefenseSettings): number {
  const finetuning = defense.finetuning?.(fitted);
  return fitted[phase === finetuning?.phase ? finetuning.training : "training"].epochs;
}

/**
 * What an interrupted run had reached.
 *
 * @param student Every network that a defence trains is one of its architecture.
 * @throws {FormatError} where what it saved is damaged, or does not fit.
 */
export async function resumption(
  folder: RunFolder,
  { architecture }: NamedState,
  fitted: DefenseSettings,
  defense: Defense,
): Promise<DefendHooks["resume"]> {
  const snapshot = await folder.readSnapshot();
  if (snapshot) {
    const epochs = epochsOf(snapshot.phase, defense, fitted);
    checkSnapshot(snapshot, { architecture, epochs, source: `the checkpoint of ${folder.path}` });
  }
  return {
    done: new Set(evaluationsOf(folder.record).map(([stage]) => stage)),
    snapshot,
    async trained(phase) {
      const state = await folder.readModel(modelFile(phase));
      if (state) checkState(architecture, state, `${folder.path}/${modelFile(phase)}.safetensors`);
      return state;
    },
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
