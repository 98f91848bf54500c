/** What the student is distilled from, and what of it; and what accompanies a defence. */

import { choice, either, list, number, path, repeated, whole, yesNo } from "../text/kinds.ts";
import { BY_RECIPE, fieldsOf, rows } from "./setting.ts";

const commands = ["erase", "defend"] as const;
const shared = { section: "Distillation", commands, plan: "cell", expert: true } as const;
const WEIGHT = number({ least: 0 }, "weight");

/** Teachers that are made and not read from a file. */
export const MADE_TEACHERS = ["finetuned", "original"] as const;

/** Rows of the table. */
export const DISTILLATION = {
  ...rows(shared, {
    teacherEpochs: {
      kind: whole({ least: 1 }),
      help: "epochs of finetuning the teacher",
      defenses: ["nad", "mcr"],
      record: ({ teacherTraining }) => fieldsOf(teacherTraining).epochs,
    },
  }),
  ...rows({ ...shared, defenses: ["nad"] }, {
    teacher: {
      kind: path("the path of a file, finetuned or original"),
      help:
        "distil from this network; finetuned: from a finetuned copy; original: from the model " +
        "itself as it sees images without corruption",
      otherwise: BY_RECIPE,
      record: ({ defense, teacher, teacherKind }) =>
        teacher ?? (defense === "nad" ? teacherKind : undefined),
    },
    teacherFloor: {
      kind: number({ least: 0, most: 100 }, "points"),
      help: "held-out accuracy that a teacher may have lost",
      default: 10,
    },
    distill: {
      kind: choice(["attention", "features"], "what"),
      help: "attention maps, or the features themselves",
      default: "attention",
    },
    taps: {
      kind: list("numbers of taps, from 1", whole({ least: 1 })),
      help: "taps of the network (groups of a WideResNet) whose attention is distilled",
      otherwise: "all",
    },
    distance: {
      kind: choice(["mean", "l2"]),
      help: "mean of squares, as published code has it, or the paper's L2",
      default: "mean",
    },
    betas: {
      kind: either(
        choice(["auto"]),
        list("a number of at least 0 for each tap", number({ least: 0 })),
      ),
      argument: "b1,b2,...",
      help: "weight of the attention loss of each tap; auto raises them as far as --floor allows",
      otherwise: BY_RECIPE,
    },
    labels: {
      kind: WEIGHT,
      help: "weight of the cross-entropy",
      otherwise: BY_RECIPE,
      recipe: "labels",
    },
    logits: {
      kind: WEIGHT,
      help: "weight of the teacher's own answers",
      otherwise: BY_RECIPE,
      recipe: "logits",
    },
    attention: {
      kind: choice(["sum", "mean"], "operator"),
      help: "reduction over channels",
      default: "sum",
    },
    power: { kind: number({ least: 1 }), help: "power of the absolute activations", default: 2 },
    iterations: {
      kind: whole({ least: 1 }),
      help: "times the result becomes the next teacher",
      default: 1,
    },
  }),
  ...rows({ ...shared, section: "Defence" }, {
    curvePosition: {
      kind: number({ least: 0, most: 1 }),
      help: "mcr: the point of the curve that is the result",
      default: 0.3,
      defenses: ["mcr"],
    },
  }),
  ...rows({ section: "Defence", commands }, {
    audit: {
      kind: yesNo,
      switch: "both",
      help: "also audit the model before and after",
      otherwise: "erase of a model of your own",
      record: ({ audit }) => audit === "always" ? true : audit === "never" ? false : undefined,
    },
    before: {
      kind: repeated("the path of a run folder"),
      help: "earlier run of this command, may be given several times: where it has measured the " +
        "same model, or finetuned a copy in the same way, on the same GPU, that is not done again",
      section: "Run",
      expert: true,
      record: false,
    },
  }),
};
