/** From the settings of a run back to the command line that makes it. */

import { fieldsOf, isFinite, isObject } from "./json_value.ts";
import type { RunContents } from "./run_contents.ts";

/** A flag with its value; without one, a switch. */
type Flag = readonly [name: string, value?: string];

type Settings = Readonly<Record<string, unknown>>;

/** Settings that stand under their own name, and the flags that set them. */
const PLAIN: Readonly<Record<string, string>> = {
  defense: "--defense",
  model: "--model",
  teacher: "--teacher",
  arch: "--arch",
  dataset: "--dataset",
  data: "--data",
  limit: "--limit",
  heldOut: "--held-out",
  recipe: "--recipe",
  betas: "--betas",
  taps: "--taps",
  distill: "--distill",
  attention: "--attention",
  power: "--power",
  distance: "--distance",
  statistics: "--statistics",
  labels: "--labels",
  logits: "--logits",
  iterations: "--iterations",
  floor: "--floor",
  teacherFloor: "--teacher-floor",
  patience: "--patience",
  curvePosition: "--curve-position",
  poisonRate: "--poison-rate",
  logEvery: "--log-every",
  format: "--format",
  classes: "--classes",
  steps: "--steps",
  images: "--images",
};

/** The same of settings of training. */
const TRAINING: Readonly<Record<string, string>> = {
  epochs: "--epochs",
  batchSize: "--batch-size",
  learningRate: "--lr",
  schedule: "--lr-schedule",
  momentum: "--momentum",
  weightDecay: "--weight-decay",
  order: "--order",
  seed: "--seed",
};

/**
 * The command of a run, for a POSIX shell, one flag a line. Every setting is named, so that it means
 * the same when defaults have changed.
 *
 * @param recorded Whether the attack is the one that the model's own metadata tells of.
 */
export function rebuiltCommand({ record }: RunContents, recorded: boolean): string {
  const { command, settings } = record;
  const flags: Flag[] = [
    ...plainFlags(settings, PLAIN).filter(([name]) => command !== "erase" || name !== "--defense"),
    ...subsetFlags(settings.subset, command),
    ...trainingFlags(settings),
    ...defenseFlags(settings),
    ...preprocessingFlags(settings.preprocessing),
    ...settings.roi === true ? [["--roi"]] as const : [],
    ...attackFlags(settings, command, recorded),
    ...settings.tune === false ? [["--no-tune"]] as const : [],
  ];
  const words = flags.map(([name, value]) =>
    value === undefined ? name : `${name} ${quoted(value)}`
  );
  return [`deno task ${command}`, ...words].join(" \\\n  ");
}

/** `word` as a shell takes it for one argument. */
export function quoted(word: string): string {
  return /^[\w/.,:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function plainFlags(settings: Settings, names: Readonly<Record<string, string>>): Flag[] {
  return Object.entries(names).flatMap(([key, name]) => {
    const value = settings[key];
    return value === undefined || value === null ? [] : [[name, String(value)] as const];
  });
}

/** Of `attack` the images to train on, else the defender's. */
function subsetFlags(subset: unknown, command: string): Flag[] {
  const { fraction, range, limit } = fieldsOf(subset);
  if (isFinite(fraction)) {
    return [[command === "attack" ? "--train-fraction" : "--clean-fraction", String(fraction)]];
  }
  if (isFinite(limit)) return [["--train-limit", String(limit)]];
  if (typeof range !== "string") return [];
  return command === "attack"
    ? [["--train-limit", range.replace("0:", "")]]
    : [["--train-indices", range]];
}

function trainingFlags({ training, studentTraining, teacherTraining, seed }: Settings): Flag[] {
  const settings = fieldsOf(studentTraining ?? training ?? { seed });
  const { epochs: teacherEpochs } = fieldsOf(teacherTraining);
  const { cropPadding, flip, cutout } = fieldsOf(settings.augmentation);
  const words = [
    ...cropPadding ? ["crop"] : [],
    ...flip ? ["flip"] : [],
    ...cutout ? ["cutout"] : [],
  ];
  return [
    ...plainFlags(settings, TRAINING),
    ...teacherEpochs === undefined ? [] : [["--teacher-epochs", String(teacherEpochs)]] as const,
    ...settings.nesterov === false ? [["--no-nesterov"]] as const : [],
    ...isObject(settings.augmentation)
      ? [["--augment", words.length === 0 ? "none" : words.join()]] as const
      : [],
  ];
}

/** What `erase` and `defend` have that is no plain value. */
function defenseFlags(settings: Settings): Flag[] {
  const { defense, teacher, teacherKind, studentTraining, audit } = settings;
  const { corruption, averaging, extrapolation } = fieldsOf(studentTraining);
  const made = defense === "nad" && !teacher && typeof teacherKind === "string";
  return [
    ...made ? [["--teacher", teacherKind]] as const : [],
    ...defense === undefined ? [] : [
      ["--corruption", corruptionText(corruption)],
      ["--averaging", String(averaging ?? 0)],
      ["--extrapolation", String(extrapolation ?? 0)],
    ] as const,
    ...audit === "always" ? [["--audit"]] as const : [],
    ...audit === "never" ? [["--no-audit"]] as const : [],
  ];
}

function corruptionText(corruption: unknown): string {
  if (!isObject(corruption)) return "none";
  const parts = Object.entries(corruption).map(([name, how]) =>
    [name, ...Object.values(fieldsOf(how))].join(":")
  );
  return parts.join();
}

/** Nothing where pixels in 0..1 are taken as they are. */
function preprocessingFlags(preprocessing: unknown): Flag[] {
  const { mean, deviation } = fieldsOf(preprocessing);
  const flag = (name: string, value: unknown, plain: string): Flag[] =>
    Array.isArray(value) && value.join() !== plain ? [[name, value.join()]] : [];
  return [...flag("--mean", mean, "0,0,0"), ...flag("--std", deviation, "1,1,1")];
}

function attackFlags({ attack }: Settings, command: string, recorded: boolean): Flag[] {
  if (!isObject(attack)) return command === "attack" ? [["--attack", "none"]] : [];
  if (recorded) return [["--attack", "recorded"]];
  const { mode, label } = fieldsOf(attack.target);
  const options = Object.entries(fieldsOf(attack.options));
  return [
    ["--attack", String(attack.name)],
    ...mode === "all2all"
      ? [["--target-mode", "all2all"]] as const
      : [["--target", String(label)]] as const,
    ...options.length > 0
      ? [["--attack-options", options.map((pair) => pair.join("=")).join()]] as const
      : [],
  ];
}
