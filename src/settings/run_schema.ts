/** The settings in a `run.json`, as far as they are more than values of flags; for a resume. */

import {
  check,
  either,
  Mismatch,
  nullable,
  object,
  optional,
  record,
  type Schema,
  text,
  truth,
  whole,
} from "../runs/schema.ts";
import { RECIPES } from "../defenses/recipes.ts";
import type { Kind } from "../text/kinds.ts";
import type { TrainingSettings } from "../train/trainer.ts";
import type { Preprocessing } from "../../shaders/gather.ts";
import { checkRecorded, recordSettings } from "./record.ts";
import type { Fields } from "./setting.ts";
import { type Recorded, SETTINGS } from "./table.ts";

/** What a flag of this kind could have set. */
export function ofKind<T>(kind: Kind<T>): Schema<T> {
  return (value) => {
    const found = kind.read(value);
    if (found === undefined) throw new Mismatch(kind.expected, value);
    return found;
  };
}

const preprocessingSchema = object<Preprocessing>({
  mean: ofKind(SETTINGS.mean.kind),
  deviation: ofKind(SETTINGS.std.kind),
});

/** How a network is trained. */
export const trainingSchema: Schema<TrainingSettings> = object<TrainingSettings>({
  epochs: ofKind(SETTINGS.epochs.kind),
  batchSize: ofKind(SETTINGS.batchSize.kind),
  learningRate: ofKind(SETTINGS.lr.kind),
  schedule: ofKind(SETTINGS.lrSchedule.kind),
  momentum: ofKind(SETTINGS.momentum.kind),
  nesterov: truth,
  weightDecay: ofKind(SETTINGS.weightDecay.kind),
  augmentation: object<TrainingSettings["augmentation"]>({
    cropPadding: whole(0, 1024),
    flip: truth,
    cutout: whole(0, 4096),
  }),
  corruption: optional(ofKind<NonNullable<TrainingSettings["corruption"]>>({
    ...SETTINGS.corruption.kind,
    read: (value) => SETTINGS.corruption.kind.read(value) ?? undefined,
    write: () => "",
    parse: () => undefined,
  })),
  preprocessing: preprocessingSchema,
  averaging: optional(ofKind(SETTINGS.averaging.kind)),
  extrapolation: optional(ofKind(SETTINGS.extrapolation.kind)),
  order: ofKind(SETTINGS.order.kind),
  seed: ofKind(SETTINGS.seed.kind),
});

/** Which training images a run has. */
export type SubsetSettings =
  | { readonly fraction: number; readonly seed: number }
  | { readonly range: string }
  | { readonly limit: number };

/** Which training images a run has, out of a file. */
export const subsetSchema: Schema<SubsetSettings> = either(
  object<{ fraction: number; seed: number }>({
    fraction: ofKind(SETTINGS.cleanFraction.kind),
    seed: ofKind(SETTINGS.seed.kind),
  }),
  either(
    object<{ range: string }>({ range: ofKind(SETTINGS.trainIndices.kind) }),
    object<{ limit: number }>({ limit: whole(1) }),
  ),
);

/** Which data a run loads. */
export interface DataSettings {
  /** A name, or the path of a folder. */
  readonly dataset: string;
  /** Where the data set lies. */
  readonly data: string;
  /** Test images to use; null for all. */
  readonly limit: number | null;
  /** Whether images are cut to their region of interest. */
  readonly roi: boolean;
  /** From bytes to the network's input. */
  readonly preprocessing: Preprocessing;
  /** Table of labels of own images; null where folders tell. */
  readonly labelsFile?: string | null;
  /** File of the names of their classes. */
  readonly classNamesFile?: string | null;
  /** How their folders become labels. */
  readonly classOrder?: "name" | "numeric";
  /** What images are brought to, as `HxW`; null for the usual. */
  readonly size?: string | null;
  /** How images of another shape are brought there. */
  readonly resize?: "squeeze" | "crop";
}

/** Schemas of {@linkcode DataSettings}. */
export const dataFields = {
  dataset: text,
  data: text,
  limit: nullable(whole(1)),
  roi: truth,
  preprocessing: preprocessingSchema,
  labelsFile: optional(nullable(text)),
  classNamesFile: optional(nullable(text)),
  classOrder: optional(ofKind(SETTINGS.classOrder.kind)),
  size: optional(nullable(ofKind(SETTINGS.size.kind))),
  resize: optional(ofKind(SETTINGS.resize.kind)),
};

/** Kernels that timing has chosen, by use; what no kernel is called so loses nothing. */
export const kernelsSchema: Schema<Readonly<Record<string, string>>> = record(text);

/**
 * The settings of a run that goes on, checked as flags are. What an older version did not record has
 * its default.
 *
 * @param source For messages: the run's file.
 * @throws {FormatError} naming the setting, what was found and what was expected.
 */
export function resumedSettings<C extends "erase" | "attack", T>(
  command: C,
  schema: Schema<T>,
  settings: Fields,
  source: string,
): Recorded<C> & T {
  const recipe = Object.entries(RECIPES).find(([name]) => name === settings.recipe);
  const whole = { ...settings, ...recordSettings(command, settings, recipe?.[1]) };
  checkRecorded(whole, command, source);
  return { ...whole, ...check(schema, whole, `cannot use ${source}`) };
}
