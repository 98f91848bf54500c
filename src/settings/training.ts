/** How networks are trained, and which epoch is kept. */

import { SCHEDULES } from "../train/schedule.ts";
import { choice, number, whole, words, yesNo } from "../text/kinds.ts";
import { CORRUPTION } from "./corruption_kind.ts";
import { type Fields, fieldsOf, rows, trainingOf } from "./setting.ts";

const section = "Training";
const commands = ["erase", "defend", "attack"] as const;
const defenses = ["erase", "defend"] as const;
const recipe = "the recipe's";
const belowOne = number({ least: 0, below: 1 });

/** Where `run.json` has a setting of training. */
const inTraining = (name: string) => (settings: Fields) => trainingOf(settings)[name];

/** The same of one that runs without it leave out: then it is `off`. */
const unlessOff = (name: string, off: unknown) => ({ studentTraining }: Fields) =>
  studentTraining === undefined ? undefined : fieldsOf(studentTraining)[name] ?? off;

/** Rows of the table. */
export const TRAINING = rows({
  heldOut: {
    kind: belowOne,
    argument: "share",
    help: "share of the clean images that only choose",
    otherwise: recipe,
    recipe: "heldOut",
    section,
    commands: defenses,
    plan: "cell",
    expert: true,
  },
  floor: {
    kind: number({ least: 0, most: 100 }),
    argument: "points",
    help: "held-out accuracy that --betas auto and pruning may cost",
    default: 2,
    section,
    commands: defenses,
    defenses: ["nad", "fine-pruning"],
    plan: "cell",
    expert: true,
  },
  patience: {
    kind: whole({ least: 0 }),
    argument: "n",
    help: "epochs without a better held-out accuracy; 0: run all",
    default: 0,
    section,
    commands: defenses,
    plan: "cell",
    expert: true,
  },
  epochs: {
    kind: whole({ least: 1 }),
    argument: "n",
    help: "epochs of training",
    section,
    commands,
    plan: "cell",
    expert: ["erase", "defend"],
    record: inTraining("epochs"),
  },
  batchSize: {
    kind: whole({ least: 1 }),
    argument: "n",
    help: "images a step",
    section,
    commands,
    plan: "cell",
    expert: true,
    record: inTraining("batchSize"),
  },
  lr: {
    kind: number({ above: 0 }),
    argument: "rate",
    help: "initial learning rate",
    section,
    commands,
    plan: "cell",
    expert: true,
    record: inTraining("learningRate"),
  },
  lrSchedule: {
    kind: choice(SCHEDULES),
    argument: "name",
    help: "how the learning rate falls",
    section,
    commands,
    plan: "cell",
    expert: true,
    record: inTraining("schedule"),
  },
  momentum: {
    kind: belowOne,
    argument: "share",
    help: "momentum of SGD",
    section,
    commands,
    plan: "cell",
    expert: true,
    record: inTraining("momentum"),
  },
  nesterov: {
    kind: yesNo,
    switch: "off",
    help: "plain momentum",
    default: true,
    section,
    commands,
    expert: true,
    record: inTraining("nesterov"),
  },
  weightDecay: {
    kind: number({ least: 0 }),
    argument: "factor",
    help: "weight decay of SGD",
    section,
    commands,
    plan: "cell",
    expert: true,
    record: inTraining("weightDecay"),
  },
  augment: {
    kind: words(["crop", "flip", "cutout", "none"]),
    argument: "list",
    help: "some of crop, flip, cutout with commas between, or none",
    section,
    commands,
    plan: "cell",
    expert: true,
    record: augmentation,
  },
  order: {
    kind: choice(["shuffle", "file"]),
    argument: "order",
    help: "order of the images in an epoch",
    default: "shuffle",
    section,
    commands,
    expert: true,
    record: inTraining("order"),
  },
  corruption: {
    kind: CORRUPTION,
    argument: "list",
    help:
      "mix:P:STRENGTH, wave:P:AMPLITUDE, patch:P:SIZE: what disturbs the images that the student " +
      "sees, or none",
    otherwise: recipe,
    section,
    commands: defenses,
    plan: "cell",
    expert: true,
    record: unlessOff("corruption", "none"),
  },
  averaging: {
    kind: belowOne,
    argument: "decay",
    help: "decay of the running average that is kept; 0 keeps the last network",
    otherwise: recipe,
    section,
    commands: defenses,
    plan: "cell",
    expert: true,
    record: unlessOff("averaging", 0),
  },
  extrapolation: {
    kind: number({ least: 0, most: 1 }),
    argument: "share",
    help: "share of the way that training has come, by which parameters go on",
    otherwise: recipe,
    section,
    commands: defenses,
    defenses: ["nad", "finetune", "fine-pruning"],
    plan: "cell",
    expert: true,
    record: unlessOff("extrapolation", 0),
  },
  statistics: {
    kind: choice(["training", "clean"]),
    argument: "name",
    help: "batch-norm statistics: as training leaves them, or anew on clean images",
    otherwise: recipe,
    recipe: "statistics",
    section,
    commands: defenses,
    plan: "cell",
    expert: true,
  },
});

/** The words of an augmentation that is on record. */
function augmentation(settings: Fields): unknown {
  const { augmentation: recorded } = trainingOf(settings);
  if (recorded === undefined) return undefined;
  const { cropPadding, flip, cutout } = fieldsOf(recorded);
  const words = [
    ...cropPadding ? ["crop"] : [],
    ...flip ? ["flip"] : [],
    ...cutout ? ["cutout"] : [],
  ];
  return words.length === 0 ? ["none"] : words;
}
