/** From the settings of an attack to what is trained on, and back from the folder of a run. */

import { findAttack } from "../attacks/attacks.ts";
import {
  type BackdoorDescription,
  type BackdoorRequest,
  buildBackdoor,
  checkBackdoor,
  readTriggerFiles,
  targetOfBackdoor,
  trainingTriggers,
} from "../attacks/backdoor.ts";
import { HELPER_OPTION } from "../attacks/helper_model.ts";
import { isPicture } from "../attacks/picture_option.ts";
import { poison, type Poisoning } from "../attacks/poison.ts";
import type { TrainingTriggers } from "../attacks/poisoned_set.ts";
import { decodePrepared, encodePrepared, type PreparedAttack } from "../attacks/prepared_file.ts";
import { CHANNELS, type Dataset } from "../data/image_set.ts";
import { kindOf } from "../data/paths.ts";
import { FormatError, UsageError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Architecture } from "../nn/architecture.ts";
import type { Backdoor } from "../data/backdoor.ts";
import type { RunFolder } from "../runs/run_folder.ts";
import type { TrainingSettings } from "../train/trainer.ts";
import { shown } from "../text/quoted.ts";
import { checkTarget } from "./load.ts";
import type { Watcher } from "./watcher.ts";

/** The file of a run folder that holds its prepared attack. */
const PREPARED = "prepared.safetensors";

/** The model that an attack was prepared with, in a run folder. */
const HELPER = "helper";

/** What can be known of an attack before a GPU is opened. */
export interface AttackPlan {
  /** With the content of all trigger files. */
  readonly description: BackdoorDescription;
  readonly poisoning: Poisoning;
}

/**
 * Checks an attack on a data set, reads its files and chooses the images to poison.
 *
 * @throws {UsageError} for a target outside the set, a rate that selects no image, bad options.
 * @throws {FormatError} for trigger files that cannot be used.
 */
export async function planAttack(
  asked: BackdoorRequest,
  dataset: Dataset,
  rate: number,
): Promise<AttackPlan> {
  checkTarget(asked, dataset);
  const description = await readTriggerFiles(asked, dataset.train);
  const model = description.options[HELPER_OPTION];
  if (model !== undefined && await kindOf(model) !== "file") {
    throw new UsageError(
      `cannot prepare ${asked.name} with ${shown(model)}: there is no such file`,
    );
  }
  checkBackdoor(description, dataset.train);
  const { options, seed } = description;
  const attack = findAttack(description.name);
  const settings = {
    target: targetOfBackdoor(description),
    rate,
    seed,
    coversPerPoisoned: attack.covers?.(options).perPoisoned ?? 0,
  };
  const poisoning = poison(dataset.train.labels, dataset.classNames.length, attack, settings);
  return { description, poisoning };
}

/** What to prepare for, and who watches. */
export interface PreparationContext {
  readonly architecture: Architecture;
  readonly training: TrainingSettings;
  readonly output: Watcher;
  readonly signal: AbortSignal;
  /** Keeps the helper model and what was prepared, where there is one. */
  readonly folder?: RunFolder | undefined;
}

/** Prepares a planned attack, or brings back what an interrupted run had prepared. */
export async function prepareAttack(
  gpu: Gpu,
  { description, poisoning: { poisoned } }: AttackPlan,
  { train }: Dataset,
  context: PreparationContext,
): Promise<PreparedAttack & { readonly backdoor: Backdoor; readonly triggers: TrainingTriggers }> {
  const { folder, output, signal, architecture, training } = context;
  const { height, width } = train;
  const finish = (prepared: PreparedAttack) => ({
    ...prepared,
    backdoor: buildBackdoor(prepared.description, { height, width }),
    triggers: trainingTriggers(prepared.description, train),
  });
  const earlier = folder && await readPrepared(folder);
  if (earlier) {
    const { length = 0 } = earlier.images ?? {};
    if (length % (poisoned.length * CHANNELS * height * width) === 0) return finish(earlier);
    throw new FormatError(
      `cannot go on with ${shown(folder.path)}: its ${PREPARED} holds other than ` +
        `${poisoned.length} images of ${height}x${width}`,
    );
  }
  const attack = findAttack(description.name);
  const helper = folder && `${folder.path}/${HELPER}.safetensors`;
  const found = helper !== undefined && await folder?.readModel(HELPER) !== undefined;
  const options = found ? { [HELPER_OPTION]: helper, ...description.options } : description.options;
  const { seed } = description;
  const preparation = await attack.prepare?.(
    gpu,
    { height, width, seed, options, train, poisoned, architecture, training },
    {
      signal,
      onProgress: (text) => output.progress(`preparing ${attack.name}: ${text}`),
      onHelper: async (state) => await folder?.saveModel(HELPER, state),
    },
  );
  const prepared = preparation
    ? { description: { ...description, options: preparation.options }, images: preparation.images }
    : { description };
  // Attacks of which settings say all leave no file.
  if (folder && (preparation || Object.values(options).some(isPicture))) {
    await folder.saveFile(PREPARED, encodePrepared(prepared, train));
  }
  return finish(prepared);
}

/** What a run had prepared, where it came so far. */
export async function readPrepared(folder: RunFolder): Promise<PreparedAttack | undefined> {
  const bytes = await folder.readFile(PREPARED);
  return bytes && decodePrepared(bytes, `${folder.path}/${PREPARED}`);
}
