/** What is worked on: the method, the network, its images, and which of them a defender has. */

import { DEFENSES } from "../defenses/defenses.ts";
import { RECIPES } from "../defenses/recipes.ts";
import { choice, number, path, pattern, text, three, yesNo } from "../text/kinds.ts";
import { type Fields, fieldsOf, rows } from "./setting.ts";

const section = "Model and images";
const measured = ["erase", "defend", "evaluate", "audit"] as const;
const all = ["erase", "defend", "evaluate", "audit", "attack"] as const;
const share = number({ above: 0, most: 1 });

/** Rows of the table. */
export const SUBJECT = rows({
  defense: {
    kind: choice(DEFENSES.map(({ name }) => name)),
    argument: "name",
    help: "the method: see below",
    section: "Defence",
    commands: ["defend"],
    default: "nad",
    plan: "cell",
    record: ({ defense }, { command }) => command === "erase" ? undefined : defense,
  },
  model: {
    kind: path("the path of a file"),
    argument: "file",
    help: ".safetensors or a PyTorch checkpoint",
    otherwise: "the embedded one",
    section,
    commands: measured,
    plan: "model",
    changesResult: false,
  },
  arch: {
    kind: text("wrn-DEPTH-WIDTH"),
    argument: "name",
    help: "wrn-DEPTH-WIDTH",
    otherwise: "found from the checkpoint",
    section,
    commands: measured,
    plan: "model",
    expert: true,
  },
  newArch: {
    kind: text("wrn-DEPTH-WIDTH"),
    flag: "arch",
    argument: "name",
    help: "wrn-DEPTH-WIDTH",
    default: "wrn-16-1",
    section,
    commands: ["attack", "bench"],
    record: ({ arch }) => arch,
  },
  dataset: {
    kind: text("the name of a data set or the path of a folder"),
    argument: "name",
    help: "signs, cifar10, gtsrb, [fashion-]mnist, or a folder",
    default: "signs",
    section,
    commands: all,
    plan: "model",
  },
  data: {
    kind: path("the path of a folder or archive"),
    argument: "path",
    help: "folder or official archive of the data set",
    default: "./data",
    section,
    commands: all,
    plan: "model",
    changesResult: false,
  },
  download: {
    kind: yesNo,
    help: "fetch the official archive into --data first",
    section,
    commands: all,
    expert: ["erase", "defend"],
    record: false,
  },
  roi: {
    kind: yesNo,
    help: "gtsrb: cut images to the region of interest around the sign",
    section,
    commands: all,
    plan: "model",
    expert: true,
  },
  recipe: {
    kind: choice(Object.keys(RECIPES) as (keyof typeof RECIPES)[]),
    argument: "name",
    help: "set of defaults that single flags override",
    default: "lethe",
    section: "Defence",
    commands: ["erase", "defend"],
    plan: "cell",
  },
  cleanFraction: {
    kind: share,
    argument: "share",
    help: "share of the training images that the defender has",
    otherwise: "0.05; of a folder 1",
    section,
    commands: ["erase", "defend", "audit"],
    plan: "both",
    record: ({ subset }) => fieldsOf(subset).fraction,
  },
  trainIndices: {
    kind: pattern('records as "A:B"', /^\d*:\d*$/),
    argument: "a:b",
    help: "training records a to b-1 in file order instead",
    section,
    commands: ["erase", "defend", "audit"],
    plan: "cell",
    expert: true,
    record: ({ subset }) => fieldsOf(subset).range,
  },
  scale: {
    kind: number({ above: 0 }),
    argument: "s",
    help: "divides bytes of 0 to 255; 1 for networks that take bytes",
    default: 255,
    section,
    commands: all,
    plan: "model",
    expert: true,
    // Mean and deviation hold it.
    record: false,
  },
  mean: {
    kind: three(),
    argument: "r,g,b",
    help: "subtracted from pixels after --scale",
    otherwise: "0,0,0",
    section,
    commands: all,
    plan: "model",
    expert: true,
    record: (settings) => channels(settings, "mean", "0,0,0"),
  },
  std: {
    kind: three({ above: 0 }),
    argument: "r,g,b",
    help: "divides them after that",
    otherwise: "1,1,1",
    section,
    commands: all,
    plan: "model",
    expert: true,
    record: (settings) => channels(settings, "deviation", "1,1,1"),
  },
});

/** Nothing where pixels in 0..1 are taken as they are. */
function channels({ preprocessing }: Fields, name: string, plain: string): unknown {
  const values = fieldsOf(preprocessing)[name];
  return String(values) === plain ? undefined : values;
}
