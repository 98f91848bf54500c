/** Which backdoor is trained or measured, and what a training set is made of. */

import { choice, number, path, text, whole } from "../text/kinds.ts";
import { pairs } from "../text/pairs.ts";
import { type Fields, fieldsOf, type RecordedRun, rows } from "./setting.ts";

const section = "Attack";
const defends = ["erase", "defend"] as const;
const measures = [...defends, "evaluate"] as const;
const SHARE = number({ above: 0, most: 1 }, "share");

/** Rows of the table. */
export const ATTACK = {
  ...rows({ section, commands: measures, plan: "model" }, {
    attack: {
      kind: text('the name of an attack, "recorded", or the path of a model', "name"),
      help: "backdoor to measure: a name, recorded or a file",
      record: ({ attack }, { recorded }) => recorded ? "recorded" : fieldsOf(attack).name,
    },
  }),
  ...rows({ section, commands: ["attack"] }, {
    newAttack: {
      kind: text("the name of an attack, or none", "name"),
      flag: "attack",
      help: "backdoor to train: a name, or none",
      record: ({ attack }) => attack === undefined ? undefined : fieldsOf(attack).name ?? "none",
    },
  }),
  ...rows({ section, commands: [...measures, "attack"], plan: "model" }, {
    target: {
      kind: whole({ least: 0 }),
      help: "the class that the trigger leads to",
      otherwise: "0",
      expert: defends,
      record: (settings, run) => {
        const { mode, label } = fieldsOf(described(settings, run).target);
        return mode === "all2all" ? undefined : label;
      },
    },
    targetMode: {
      kind: choice(["all2one", "all2all"], "mode"),
      help: "all2all leads class y to y + 1",
      default: "all2one",
      expert: true,
      record: (settings, run) => {
        const { mode } = fieldsOf(described(settings, run).target);
        return mode === "all2all" ? mode : undefined;
      },
    },
    attackOptions: {
      kind: pairs,
      help: 'parameters of the trigger; a value with a comma in it as KEY="VALUE"',
      expert: true,
      record: (settings, run) => {
        const { options } = described(settings, run);
        return Object.keys(fieldsOf(options)).length === 0 ? undefined : options;
      },
    },
  }),
  ...rows({ section, commands: ["attack"] }, {
    poisonRate: {
      kind: SHARE,
      help: "share of all training images that are poisoned, or of the target class for attacks " +
        "that keep labels",
      otherwise: "the attack's",
    },
    trainLimit: {
      kind: whole({ least: 1 }),
      help: "use only n training images, of all classes alike",
      section: "Model and images",
      record: ({ subset }) => {
        const { limit, range } = fieldsOf(subset);
        // Runs that are older than the even choice of classes have a range.
        return limit ?? (typeof range === "string" ? Number(range.replace("0:", "")) : undefined);
      },
    },
    trainFraction: {
      kind: SHARE,
      help: "use only a random share of the training images",
      section: "Model and images",
      record: ({ subset }) => fieldsOf(subset).fraction,
    },
    exportPoisoned: {
      kind: path("the path of a folder"),
      help: "also write the poisoned images, and a table of all labels",
      section: "Run",
      record: false,
    },
    gallery: {
      kind: path("the path of a file", "file.png"),
      help: "draw what the attack, or all, do to images, and train nothing",
      section: "Run",
      record: false,
    },
  }),
};

/** The attack on record; of one that the model tells of nothing more needs to be said. */
function described({ attack }: Fields, { recorded }: RecordedRun): Fields {
  return recorded ? {} : fieldsOf(attack);
}
