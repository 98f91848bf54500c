/** Which backdoor is trained or measured, and what a training set is made of. */

import { choice, number, path, text, whole } from "../text/kinds.ts";
import { pairs } from "../text/pairs.ts";
import { type Fields, fieldsOf, type RecordedRun, rows } from "./setting.ts";

const section = "Attack";
const attacker = ["attack"] as const;
const commands = ["attack", "erase", "defend", "evaluate"] as const;
const share = number({ above: 0, most: 1 });

/** Rows of the table. */
export const ATTACK = rows({
  attack: {
    kind: text('the name of an attack, "recorded", or the path of a model'),
    argument: "name",
    help: "backdoor to measure: a name, recorded or a file",
    section,
    commands: ["erase", "defend", "evaluate"],
    plan: "model",
    record: ({ attack }, { recorded }) => recorded ? "recorded" : fieldsOf(attack).name,
  },
  newAttack: {
    kind: text("the name of an attack, or none"),
    flag: "attack",
    argument: "name",
    help: "backdoor to train: a name, or none for a clean network",
    section,
    commands: attacker,
    record: ({ attack }) => attack === undefined ? undefined : fieldsOf(attack).name ?? "none",
  },
  target: {
    kind: whole({ least: 0 }),
    argument: "n",
    help: "the class that the trigger leads to",
    otherwise: "0",
    section,
    commands,
    expert: ["erase", "defend"],
    plan: "model",
    record: (settings, run) => {
      const { mode, label } = fieldsOf(described(settings, run).target);
      return mode === "all2all" ? undefined : label;
    },
  },
  targetMode: {
    kind: choice(["all2one", "all2all"]),
    argument: "mode",
    help: "all2all leads class y to y + 1",
    default: "all2one",
    section,
    commands,
    plan: "model",
    expert: true,
    record: (settings, run) => {
      const { mode } = fieldsOf(described(settings, run).target);
      return mode === "all2all" ? mode : undefined;
    },
  },
  attackOptions: {
    kind: pairs,
    argument: "key=value,...",
    help: 'parameters of the trigger; a value with a comma in it as KEY="VALUE"',
    section,
    commands,
    plan: "model",
    expert: true,
    record: (settings, run) => {
      const { options } = described(settings, run);
      return Object.keys(fieldsOf(options)).length === 0 ? undefined : options;
    },
  },
  poisonRate: {
    kind: share,
    argument: "share",
    help:
      "share of all training images that are poisoned, or of the target class for attacks that " +
      "keep labels",
    otherwise: "the attack's",
    section,
    commands: attacker,
  },
  trainLimit: {
    kind: whole({ least: 1 }),
    argument: "n",
    help: "use only n training images, of all classes alike",
    section: "Model and images",
    commands: attacker,
    record: ({ subset }) => {
      const { limit, range } = fieldsOf(subset);
      // Runs that are older than the even choice of classes have a range.
      return limit ?? (typeof range === "string" ? Number(range.replace("0:", "")) : undefined);
    },
  },
  trainFraction: {
    kind: share,
    argument: "share",
    help: "use only a random share of the training images",
    section: "Model and images",
    commands: attacker,
    record: ({ subset }) => fieldsOf(subset).fraction,
  },
  exportPoisoned: {
    kind: path("the path of a folder"),
    argument: "dir",
    help: "also write the poisoned images, and a table of all labels",
    section: "Run",
    commands: attacker,
    record: false,
  },
  gallery: {
    kind: path("the path of a file"),
    argument: "file.png",
    help: "draw what the attack, or all, do to images, and train nothing",
    section: "Run",
    commands: attacker,
    record: false,
  },
});

/** The attack on record; of one that the model tells of nothing more needs to be said. */
function described({ attack }: Fields, { recorded }: RecordedRun): Fields {
  return recorded ? {} : fieldsOf(attack);
}
