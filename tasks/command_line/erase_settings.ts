/** What `erase` was asked to do: from flags to everything that determines a run. */

import { resolve } from "node:path";
import type { BackdoorDescription } from "../../src/attacks/backdoor.ts";
import { DATASET_NAMES } from "../../src/data/datasets.ts";
import type { Dataset } from "../../src/data/image_set.ts";
import { fittingBatchSize, type Recipe, RECIPES } from "../../src/defenses/recipes.ts";
import { UsageError } from "../../src/errors.ts";
import type { TrainingSettings } from "../../src/train/trainer.ts";
import type {
  AttackFlags,
  DataFlags,
  DistillationFlags,
  ModelFlags,
  RunFlags,
  SubsetFlags,
  TrainingFlags,
} from "./flags.ts";
import {
  backdoorSettings,
  type DataSettings,
  dataSettings,
  EMBEDDED_MODEL,
  loadNetwork,
  type SubsetSettings,
} from "./load.ts";
import { fileDigest } from "./runs.ts";
import { trainingSettings } from "./training.ts";

/** Values of the flags of `erase`. */
export type EraseFlags =
  & DataFlags
  & ModelFlags
  & AttackFlags
  & SubsetFlags
  & TrainingFlags
  & DistillationFlags
  & RunFlags;

/** Everything that determines a run; what `run.json` keeps and a resume reads. */
export interface EraseSettings extends DataSettings {
  readonly model: string;
  readonly modelDigest: string;
  readonly teacher: string | null;
  readonly teacherDigest: string | null;
  readonly arch: string | null;
  readonly subset: SubsetSettings;
  readonly recipe: string;
  readonly teacherTraining: TrainingSettings;
  readonly studentTraining: TrainingSettings;
  /** Smaller batches where an epoch would have fewer steps; 0 for the batch size as it stands. */
  readonly leastSteps: number;
  readonly betas: readonly number[];
  readonly attention: "sum" | "mean";
  readonly power: number;
  readonly attack: BackdoorDescription | null;
  readonly logEvery: number | null;
  /** False to run the default kernels where none were chosen before. */
  readonly tune: boolean;
  /** Kernels chosen by timing when the run began. */
  readonly kernels: Readonly<Record<string, number>>;
}

/**
 * The settings that the flags make.
 *
 * @throws {UsageError} for flags that cannot be meant together.
 */
export async function eraseSettings(flags: EraseFlags): Promise<EraseSettings> {
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
  const model = resolve(flags.model ?? EMBEDDED_MODEL);
  const network = await loadNetwork(model, flags.arch);
  const attack = backdoorSettings(
    embedded && flags.attack === undefined ? { ...flags, attack: "recorded" } : flags,
    network,
    flags.seed,
  );
  const recipe: Recipe = RECIPES[flags.recipe];
  const data = await dataSettings(flags);
  const run = { dataset: flags.dataset, preprocessing: data.preprocessing, seed: flags.seed };
  const studentTraining = trainingSettings(flags, recipe, run);
  const teacherEpochs = flags.teacherEpochs ?? flags.epochs ?? recipe.teacherEpochs;
  const teacher = flags.teacher === undefined ? null : resolve(flags.teacher);
  return {
    model,
    modelDigest: await fileDigest(model),
    teacher,
    teacherDigest: teacher === null ? null : await fileDigest(teacher),
    arch: flags.arch ?? null,
    ...data,
    subset: flags.trainIndices === undefined
      ? { fraction: flags.cleanFraction ?? defaultFraction(data.dataset), seed: flags.seed }
      : { range: flags.trainIndices },
    recipe: flags.recipe,
    teacherTraining: { ...studentTraining, epochs: teacherEpochs },
    studentTraining,
    leastSteps: flags.batchSize === undefined ? recipe.leastSteps : 0,
    betas: flags.betas ?? recipe.betas,
    attention: flags.attention,
    power: flags.power,
    attack,
    logEvery: flags.logEvery ?? null,
    tune: flags.tune,
    kernels: {},
  };
}

/** The paper's share of a known data set; of a folder all, for it holds what the defender has. */
function defaultFraction(dataset: string): number {
  return DATASET_NAMES.includes(dataset) ? 0.05 : 1;
}

/** The training settings with batches for as many images as there are. */
export function fitBatches(
  { teacherTraining, studentTraining, leastSteps }: EraseSettings,
  { train }: Dataset,
): Pick<EraseSettings, "teacherTraining" | "studentTraining"> {
  const images = train.labels.length;
  const batchSize = fittingBatchSize(images, studentTraining.batchSize, leastSteps);
  return {
    teacherTraining: { ...teacherTraining, batchSize },
    studentTraining: { ...studentTraining, batchSize },
  };
}
