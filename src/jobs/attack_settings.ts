/** What a run of `attack` is made of: its flags, its settings, its data. */

import { findAttack } from "../attacks/attacks.ts";
import { type BackdoorRequest, describedBackdoor } from "../attacks/backdoor.ts";
import { HELPER_OPTION } from "../attacks/helper_model.ts";
import { type Dataset, imageCount } from "../data/image_set.ts";
import { indicesBelow } from "../data/load_options.ts";
import { UsageError } from "../errors.ts";
import type { TrainingSettings } from "../train/trainer.ts";
import { recordSettings } from "../settings/record.ts";
import {
  dataFields,
  type DataSettings,
  kernelsSchema,
  resumedSettings,
  subsetSchema,
  type SubsetSettings,
  trainingSchema,
} from "../settings/run_schema.ts";
import type { RunFolder } from "../runs/run_folder.ts";
import { nullable, object, type Schema, text } from "../runs/schema.ts";
import { fieldsOf } from "../settings/setting.ts";
import type { Flags, Recorded } from "../settings/table.ts";
import { dataSettings, loadData, namedBackdoor } from "./load.ts";
import type { Watcher } from "./watcher.ts";
import { type TrainingDefaults, trainingSettings } from "./training.ts";

/** What determines a run besides the settings that its flags set under their own names. */
interface AttackParts extends DataSettings {
  readonly arch: string;
  /** Training images that are used; null for all. */
  readonly subset: SubsetSettings | null;
  readonly training: TrainingSettings;
  /** Kernels chosen by timing when the run began. */
  readonly kernels: Readonly<Record<string, string>>;
}

/** Everything that determines a run; what `run.json` keeps and a resume reads. */
export type AttackSettings = Recorded<"attack"> & AttackParts & {
  readonly attack: BackdoorRequest | null;
};

const partsSchema: Schema<AttackParts> = object<AttackParts>({
  ...dataFields,
  arch: text,
  subset: nullable(subsetSchema),
  training: trainingSchema,
  kernels: kernelsSchema,
});

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

/**
 * The settings of an interrupted run, checked as flags and a model's metadata are.
 *
 * @throws {FormatError} where no flags could have made them.
 */
export function resumedAttack({ path, record }: RunFolder): AttackSettings {
  const source = `${path}/run.json`;
  const settings = resumedSettings("attack", partsSchema, record.settings, source);
  const { attack } = record.settings;
  if (!attack) return { ...settings, attack: null };
  // The helper model is one of the paths of a run, as its images are.
  const { [HELPER_OPTION]: helper, ...options } = fieldsOf(fieldsOf(attack).options);
  const found = describedBackdoor({ ...fieldsOf(attack), options }, source);
  return {
    ...settings,
    attack: typeof helper === "string"
      ? { ...found, options: { ...found.options, [HELPER_OPTION]: helper } }
      : found,
  };
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
  output: Watcher,
): Promise<{ dataset: Dataset; records: Uint32Array }> {
  const dataset = await loadData(settings, settings.subset ?? "all", output);
  const records = dataset.trainRecords ?? indicesBelow(imageCount(dataset.train));
  return { dataset, records: Uint32Array.from(records) };
}
