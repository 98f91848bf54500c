/** What a defence was asked to do: from flags to everything that determines a run. */

import { resolve } from "node:path";
import {
  type BackdoorDescription,
  type BackdoorRequest,
  describedBackdoor,
} from "../attacks/backdoor.ts";
import { splitHeldOut } from "../data/clean_subset.ts";
import { DATASET_NAMES } from "../data/datasets.ts";
import { imageCount, type ImageSet, selectImages } from "../data/image_set.ts";
import { tapBetas } from "../defenses/tap_betas.ts";
import type { Architecture } from "../nn/architecture.ts";
import { tapShapes } from "../nn/taps.ts";
import type { DefenseSettings } from "../defenses/defense.ts";
import { fitBatches, type Recipe, RECIPES, TEMPERATURE } from "../defenses/recipes.ts";
import { UsageError } from "../errors.ts";
import { expectFreshStatistics } from "../train/extrapolation.ts";
import type { TrainingSettings } from "../train/trainer.ts";
import { MADE_TEACHERS } from "../settings/distillation.ts";
import { recordSettings } from "../settings/record.ts";
import {
  dataFields,
  type DataSettings,
  kernelsSchema,
  ofKind,
  resumedSettings,
  subsetSchema,
  type SubsetSettings,
  trainingSchema,
} from "../settings/run_schema.ts";
import type { RunFolder } from "../runs/run_folder.ts";
import { nullable, object, oneOf, type Schema, text, truth, whole } from "../runs/schema.ts";
import { type Flags, type Recorded, SETTINGS } from "../settings/table.ts";
import { backdoorSettings, dataSettings, embeddedModel, loadNetwork } from "./load.ts";
import { fileDigest } from "./runs.ts";
import { trainingSettings } from "./training.ts";

/** Values of the flags of `erase` and `defend`. */
export type DefenseCommandFlags = Flags<"erase">;

/** What determines a run besides the settings that its flags set under their own names. */
interface DefenseParts extends DataSettings {
  readonly defense: string;
  readonly model: string;
  readonly modelDigest: string;
  /** A file; null where the teacher is made. */
  readonly teacher: string | null;
  readonly teacherDigest: string | null;
  /** What the teacher is made of where it is no file. */
  readonly teacherKind: DefenseSettings["teacher"];
  readonly subset: SubsetSettings;
  readonly teacherTraining: TrainingSettings;
  readonly studentTraining: TrainingSettings;
  /** Smaller batches where an epoch would have fewer steps; 0 for the batch size as it stands. */
  readonly leastSteps: number;
  /** Whether the learning rate falls with a batch that is halved for `leastSteps`. */
  readonly scaleRate: boolean;
  /** `wanted` goes on without an audit where there cannot be one. */
  readonly audit: "always" | "wanted" | "never";
  /** Kernels chosen by timing when the run began. */
  readonly kernels: Readonly<Record<string, string>>;
}

/** Everything that determines a run; what `run.json` keeps and a resume reads. */
export type DefenseRunSettings = Recorded<"erase"> & DefenseParts & {
  readonly attack: BackdoorDescription | null;
};

const partsSchema: Schema<DefenseParts> = object<DefenseParts>({
  ...dataFields,
  defense: ofKind(SETTINGS.defense.kind),
  model: text,
  modelDigest: text,
  teacher: nullable(text),
  teacherDigest: nullable(text),
  teacherKind: oneOf(...MADE_TEACHERS),
  subset: subsetSchema,
  teacherTraining: trainingSchema,
  studentTraining: trainingSchema,
  leastSteps: whole(0),
  scaleRate: truth,
  audit: oneOf("always", "wanted", "never"),
  kernels: kernelsSchema,
});

/**
 * The settings of an interrupted run, checked as flags and a model's metadata are.
 *
 * @throws {FormatError} where no flags could have made them.
 */
export function resumedDefense({ path, record }: RunFolder): DefenseRunSettings {
  const source = `${path}/run.json`;
  const settings = resumedSettings("erase", partsSchema, record.settings, source);
  const { attack } = record.settings;
  return { ...settings, attack: attack ? describedBackdoor(attack, source) : null };
}

/** The settings of a run before the files of its trigger are read. */
export type DefenseRequest = Omit<DefenseRunSettings, "attack"> & {
  readonly attack: BackdoorRequest | null;
};

/**
 * The settings that the flags make.
 *
 * @throws {UsageError} for flags that cannot be meant together.
 */
export async function defenseSettings(
  command: "erase" | "defend",
  defense: string,
  flags: DefenseCommandFlags,
): Promise<DefenseRequest> {
  const embedded = flags.model === undefined;
  if (embedded && flags.dataset !== "signs") {
    throw new UsageError(
      `cannot erase without a model: the embedded one knows only signs, not ${flags.dataset}; ` +
        "name one by --model",
    );
  }
  if (flags.trainIndices !== undefined && flags.cleanFraction !== undefined) {
    throw new UsageError("cannot take both --train-indices and --clean-fraction: give one of them");
  }
  if (flags.teacher !== undefined && defense !== "nad") {
    throw new UsageError(`cannot use a teacher for ${defense}: only nad has one`);
  }
  const model = resolve(flags.model ?? embeddedModel());
  const network = await loadNetwork(model, flags.arch, flags.key);
  const attack = await backdoorSettings(
    embedded && flags.attack === undefined ? { ...flags, attack: "recorded" } : flags,
    network,
    flags.seed,
  );
  const recipe: Recipe = RECIPES[flags.recipe];
  const data = await dataSettings(flags);
  const run = { dataset: flags.dataset, preprocessing: data.preprocessing, seed: flags.seed };
  const corruption = flags.corruption === undefined ? recipe.corruption : flags.corruption;
  const averaging = flags.averaging ?? recipe.averaging;
  const extrapolation = flags.extrapolation ?? recipe.extrapolation;
  expectFreshStatistics(extrapolation, flags.statistics ?? recipe.statistics);
  const teacherTraining = {
    ...trainingSettings(flags, recipe, run),
    ...corruption ? { corruption } : {},
    ...averaging ? { averaging } : {},
  };
  const studentTraining = {
    ...teacherTraining,
    ...extrapolation ? { extrapolation } : {},
  };
  const teacherEpochs = flags.teacherEpochs ?? flags.epochs ?? recipe.teacherEpochs;
  const made = MADE_TEACHERS.find((name) => name === flags.teacher);
  const teacher = made || flags.teacher === undefined ? null : resolve(flags.teacher);
  return {
    ...recordSettings("erase", flags, recipe),
    ...data,
    defense,
    model,
    modelDigest: network.digest,
    teacher,
    teacherDigest: teacher === null ? null : await fileDigest(teacher),
    teacherKind: made ?? recipe.teacher,
    subset: flags.trainIndices === undefined
      ? { fraction: flags.cleanFraction ?? defaultFraction(data.dataset), seed: flags.seed }
      : { range: flags.trainIndices },
    teacherTraining: { ...teacherTraining, epochs: teacherEpochs },
    studentTraining,
    leastSteps: flags.batchSize === undefined ? recipe.leastSteps : 0,
    scaleRate: flags.lr === undefined,
    attack,
    audit: flags.audit === undefined
      ? command === "erase" && !embedded ? "wanted" : "never"
      : flags.audit
      ? "always"
      : "never",
    kernels: {},
  };
}

/** The paper's share of a known data set; of a folder all, for it holds what the defender has. */
function defaultFraction(dataset: string): number {
  return DATASET_NAMES.includes(dataset) ? 0.05 : 1;
}

/**
 * The clean images that are trained on, and those that choose: none where every class has but one
 * image, which it needs for training.
 */
export function splitClean(
  { heldOut: share, studentTraining: { seed } }: DefenseRunSettings,
  clean: ImageSet,
): { train: ImageSet; heldOut?: ImageSet } {
  const lonely = imageCount(clean) === new Set(clean.labels).size;
  if (share === 0 || lonely) return { train: clean };
  const all = clean.labels.map((_, i) => i);
  const { kept, heldOut } = splitHeldOut(all, clean.labels, share, seed);
  return { train: selectImages(clean, kept), heldOut: selectImages(clean, heldOut) };
}

/** The settings of the defence, with batches for as many images as there are, and a beta a tap. */
export function settingsFor(
  settings: DefenseRunSettings,
  train: ImageSet,
  architecture: Architecture,
): DefenseSettings {
  const { studentTraining, teacherTraining, leastSteps, betas: given, distance, taps } = settings;
  const recipe: Recipe = RECIPES[settings.recipe];
  const images = imageCount(train);
  const fit = (training: TrainingSettings): TrainingSettings => {
    const { batchSize, learningRate } = fitBatches(training, images, leastSteps);
    return {
      ...training,
      batchSize,
      learningRate: settings.scaleRate ? learningRate : training.learningRate,
    };
  };
  const betas = tapBetas(tapShapes(architecture, train), {
    given: given === null || given === "auto" ? undefined : given,
    recipe: recipe.betas,
    taps: taps ?? undefined,
    distance,
  });
  return {
    training: fit(studentTraining),
    teacherTraining: fit(teacherTraining),
    distillation: {
      betas,
      kind: settings.distill,
      operator: { reduction: settings.attention, power: settings.power },
      distance,
      labels: settings.labels,
      logits: settings.logits,
      temperature: TEMPERATURE,
    },
    teacher: settings.teacherKind,
    statistics: settings.statistics,
    autoBetas: given === "auto",
    iterations: settings.iterations,
    floor: settings.floor,
    teacherFloor: settings.teacherFloor,
    curvePosition: settings.curvePosition,
    patience: settings.patience,
  };
}
