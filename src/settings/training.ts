/** How networks are trained, and which epoch is kept. */

import { SCHEDULES } from "../train/schedule.ts";
import { choice, number, whole, words, yesNo } from "../text/kinds.ts";
import { CORRUPTION } from "./corruption_kind.ts";
import { BY_RECIPE, type Fields, fieldsOf, rows, trainingOf } from "./setting.ts";

const section = "Training";
const trains = ["erase", "defend", "attack"] as const;
const defends = ["erase", "defend"] as const;
const BELOW_ONE = number({ least: 0, below: 1 }, "share");

/** Where `run.json` has a setting of training. */
const inTraining = (name: string) => (settings: Fields) => trainingOf(settings)[name];

/** The same of one that runs without it leave out: then it is `off`. */
const unlessOff = (name: string, off: unknown) => ({ studentTraining }: Fields) =>
  studentTraining === undefined ? undefined : fieldsOf(studentTraining)[name] ?? off;

/** Rows of the table. */
export const TRAINING = {
  ...rows({ section, commands: defends, plan: "cell", expert: true }, {
    heldOut: {
      kind: BELOW_ONE,
      help: "share of the clean images that only choose",
      otherwise: BY_RECIPE,
      recipe: "heldOut",
    },
    floor: {
      kind: number({ least: 0, most: 100 }, "points"),
      help: "held-out accuracy that --betas auto and pruning may cost",
      default: 2,
      defenses: ["nad", "fine-pruning"],
    },
    patience: {
      kind: whole({ least: 0 }),
      help: "epochs without a better held-out accuracy; 0: run all",
      default: 0,
    },
  }),
  ...rows({ section, commands: trains, plan: "cell", expert: true }, {
    epochs: {
      kind: whole({ least: 1 }),
      help: "epochs of training",
      expert: defends,
      record: inTraining("epochs"),
    },
    batchSize: {
      kind: whole({ least: 1 }),
      help: "images a step",
      record: inTraining("batchSize"),
    },
    lr: {
      kind: number({ above: 0 }, "rate"),
      help: "initial learning rate",
      record: inTraining("learningRate"),
    },
    lrSchedule: {
      kind: choice(SCHEDULES),
      help: "how the learning rate falls",
      record: inTraining("schedule"),
    },
    momentum: { kind: BELOW_ONE, help: "momentum of SGD", record: inTraining("momentum") },
    weightDecay: {
      kind: number({ least: 0 }, "factor"),
      help: "weight decay of SGD",
      record: inTraining("weightDecay"),
    },
    augment: {
      kind: words(["crop", "flip", "cutout", "none"]),
      help: "some of crop, flip, cutout with commas between, or none",
      record: augmentation,
    },
  }),
  ...rows({ section, commands: trains, expert: true }, {
    nesterov: {
      kind: yesNo,
      switch: "off",
      help: "plain momentum",
      default: true,
      record: inTraining("nesterov"),
    },
    order: {
      kind: choice(["shuffle", "file"], "order"),
      help: "order of the images in an epoch",
      default: "shuffle",
      record: inTraining("order"),
    },
  }),
  ...rows({ section, commands: defends, plan: "cell", expert: true, otherwise: BY_RECIPE }, {
    corruption: {
      kind: CORRUPTION,
      help: "mix:P:STRENGTH, wave:P:AMPLITUDE, patch:P:SIZE: what disturbs the images that the " +
        "student sees, or none",
      record: unlessOff("corruption", "none"),
    },
    averaging: {
      kind: BELOW_ONE,
      argument: "decay",
      help: "decay of the running average that is kept; 0 keeps the last network",
      record: unlessOff("averaging", 0),
    },
    extrapolation: {
      kind: number({ least: 0, most: 1 }, "share"),
      help: "share of the way that training has come, by which parameters go on",
      defenses: ["nad", "finetune", "fine-pruning"],
      record: unlessOff("extrapolation", 0),
    },
    statistics: {
      kind: choice(["training", "clean"]),
      help: "batch-norm statistics: as training leaves them, or anew on clean images",
      recipe: "statistics",
    },
  }),
};

/** The words of an augmentation that is on record. */
function augmentation(settings: Fields): unknown {
  const { augmentation: recorded } = trainingOf(settings);
  if (recorded === undefined) return undefined;
  const { cropPadding, flip, cutout } = fieldsOf(recorded);
  const words = Object.entries({ crop: cropPadding, flip, cutout });
  const found = words.filter(([, value]) => Boolean(value)).map(([word]) => word);
  return found.length === 0 ? ["none"] : found;
}
