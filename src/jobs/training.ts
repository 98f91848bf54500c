/** From flags to training settings. */

import type { Augmentation, Preprocessing } from "../../shaders/gather.ts";
import { flipKeepsClass } from "../data/flips.ts";
import type { Recipe } from "../defenses/recipes.ts";
import type { TrainedEpoch } from "../train/train.ts";
import type { TrainingSettings } from "../train/trainer.ts";
import type { MetricsLine } from "../runs/metrics.ts";
import type { Flags } from "../settings/table.ts";

/** Padding and hole where `--augment` asks for them and the defaults have none: the paper's. */
const CROP_PADDING = 4;
const CUTOUT = 9;

/** Defaults that the flags override. */
export type TrainingDefaults = Pick<
  Recipe,
  | "epochs"
  | "batchSize"
  | "learningRate"
  | "schedule"
  | "momentum"
  | "nesterov"
  | "weightDecay"
  | "cropPadding"
  | "cutout"
>;

/** What the flags make of the defaults. */
export function trainingSettings(
  flags: Flags<"attack"> | Flags<"erase">,
  defaults: TrainingDefaults,
  run: { dataset: string; preprocessing: Preprocessing; seed: number },
): TrainingSettings {
  return {
    epochs: flags.epochs ?? defaults.epochs,
    batchSize: flags.batchSize ?? defaults.batchSize,
    learningRate: flags.lr ?? defaults.learningRate,
    schedule: flags.lrSchedule ?? defaults.schedule,
    momentum: flags.momentum ?? defaults.momentum,
    nesterov: flags.nesterov && defaults.nesterov,
    weightDecay: flags.weightDecay ?? defaults.weightDecay,
    augmentation: augmentation(flags.augment, defaults, run.dataset),
    preprocessing: run.preprocessing,
    order: flags.order,
    seed: run.seed,
  };
}

function augmentation(
  words: readonly string[] | undefined,
  defaults: TrainingDefaults,
  dataset: string,
): Augmentation {
  const { cropPadding, cutout } = defaults;
  if (!words) return { cropPadding, flip: flipKeepsClass(dataset), cutout };
  return {
    cropPadding: words.includes("crop") ? cropPadding || CROP_PADDING : 0,
    flip: words.includes("flip"),
    cutout: words.includes("cutout") ? cutout || CUTOUT : 0,
  };
}

/** The lines of `metrics.jsonl` for an epoch: every `logEvery`-th step, and the epoch's means. */
export function metricsLines(
  phase: string,
  metrics: TrainedEpoch,
  logEvery: number | undefined,
): MetricsLine[] {
  const { epoch, losses, means, columns, weights, learningRates, imagesPerSecond } = metrics;
  const width = columns.length;
  const answers = columns.indexOf("kd");
  const steps = learningRates.length;
  const line = (step: number, values: readonly number[]): MetricsLine => ({
    phase,
    epoch: epoch + 1,
    step: epoch * steps + step + 1,
    ce: values[0]!,
    at: values.filter((_, i) => columns[i]!.startsWith("at")),
    ...answers < 0 ? {} : { kd: values[answers]! },
    loss: values.reduce((sum, value, i) => sum + value * weights[i]!, 0),
    lr: learningRates[step]!,
    imagesPerSecond,
  });
  const logged = logEvery === undefined ? [] : Array.from({ length: steps }, (_, step) => step)
    .filter((step) => (step + 1) % logEvery === 0 && step + 1 < steps)
    .map((step) => line(step, [...losses.subarray(step * width, (step + 1) * width)]));
  const { heldOutAccuracy } = metrics;
  const last = line(steps - 1, means);
  return [...logged, heldOutAccuracy === undefined ? last : { ...last, heldOutAccuracy }];
}
