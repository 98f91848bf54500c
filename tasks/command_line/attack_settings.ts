/** What a run of `attack` is made of: its flags, its settings, its data. */

import { findAttack } from "../../src/attacks/attacks.ts";
import { type BackdoorRequest, describedBackdoor } from "../../src/attacks/backdoor.ts";
import { HELPER_OPTION } from "../../src/attacks/helper_model.ts";
import { type Dataset, imageCount } from "../../src/data/image_set.ts";
import { indicesBelow } from "../../src/data/load_options.ts";
import { UsageError } from "../../src/errors.ts";
import { fieldsOf } from "../../src/report/json_value.ts";
import type { TrainingSettings } from "../../src/train/trainer.ts";
import { recordSettings } from "../../src/settings/record.ts";
import type { Flags, Recorded } from "../../src/settings/table.ts";
import {
  type DataSettings,
  dataSettings,
  loadData,
  namedBackdoor,
  type SubsetSettings,
} from "./load.ts";
import type { Output } from "./output.ts";
import { type TrainingDefaults, trainingSettings } from "./training.ts";

/** Everything that determines a run; what `run.json` keeps and a resume reads. */
export type AttackSettings = Recorded<"attack"> & DataSettings & {
  readonly arch: string;
  readonly attack: BackdoorRequest | null;
  /** Training images that are used; null for all. */
  readonly subset: SubsetSettings | null;
  readonly training: TrainingSettings;
  /** Kernels chosen by timing when the run began. */
  readonly kernels: Readonly<Record<string, string>>;
};

/** One cycle to a high learning rate, which trains a small network well in few epochs. */
const DEFAULTS: TrainingDefaults = {
  epochs: 12,
  batchSize: 128,
  learningRate: 0.2,
  schedule: "one-cycle",
  momentum: 0.9,
  nesterov: true,
  weightDecay: 5e-4,
  cropPadding: 4,
  cutout: 0,
};

/**
 * The settings that the flags make.
 *
 * @throws {UsageError} where they contradict each other.
 */
export async function attackSettings(flags: Flags<"attack">): Promise<AttackSettings> {
  const { newAttack: name } = flags;
  if (name === undefined) {
    throw new UsageError("cannot train without an attack: name one by --attack, or --attack none");
  }
  const clean = name === "none";
  if (clean && (flags.poisonRate ?? flags.target ?? flags.exportPoisoned) !== undefined) {
    throw new UsageError(
      "cannot poison with --attack none: leave out --poison-rate, --target and --export-poisoned",
    );
  }
  const data = await dataSettings(flags);
  return {
    ...recordSettings("attack", flags),
    ...data,
    arch: flags.newArch,
    attack: clean ? null : descriptionOf(flags),
    poisonRate: clean ? null : flags.poisonRate ?? findAttack(name).defaultRate,
    subset: subsetOf(flags),
    training: implantTraining(flags, data),
    kernels: {},
  };
}

/** How the flags train. */
export function implantTraining(
  flags: Flags<"attack">,
  { preprocessing }: DataSettings,
): TrainingSettings {
  return trainingSettings(flags, DEFAULTS, {
    dataset: flags.dataset,
    preprocessing,
    seed: flags.seed,
  });
}

/** Which attack the flags speak of; null where they name none. */
export function descriptionOf(flags: Flags<"attack">): BackdoorRequest | null {
  const { newAttack: attack, ...rest } = flags;
  return namedBackdoor(attack === undefined ? rest : { ...rest, attack }, flags.seed);
}

/** The attack of an interrupted run that had not come to prepare it, checked as metadata are. */
export function resumedAttack({ attack }: AttackSettings, source: string): BackdoorRequest | null {
  if (!attack) return null;
  // The helper model is one of the paths of a run, as its images are.
  const { [HELPER_OPTION]: helper, ...options } = fieldsOf(fieldsOf(attack).options);
  const description = describedBackdoor({ ...attack, options }, source);
  return typeof helper === "string"
    ? { ...description, options: { ...description.options, [HELPER_OPTION]: helper } }
    : description;
}

/** Which training images the flags leave; null for all. */
export function subsetOf(
  { trainLimit, trainFraction, seed }: Flags<"attack">,
): SubsetSettings | null {
  if (trainLimit !== undefined && trainFraction !== undefined) {
    throw new UsageError("cannot use both --train-limit and --train-fraction");
  }
  if (trainFraction !== undefined) return { fraction: trainFraction, seed };
  return trainLimit === undefined ? null : { limit: trainLimit };
}

/** The data set, and the number of each of its training images in file order. */
export async function loadTrainingData(
  settings: DataSettings & { readonly subset: SubsetSettings | null },
  output: Output,
): Promise<{ dataset: Dataset; records: Uint32Array }> {
  const dataset = await loadData(settings, settings.subset ?? "all", output);
  const records = dataset.trainRecords ?? indicesBelow(imageCount(dataset.train));
  return { dataset, records: Uint32Array.from(records) };
}
