/** What is worked on: the method, the network, its images, and which of them a defender has. */

import { ARCHITECTURE_NAMES } from "../nn/architectures.ts";
import { DEFENSES } from "../defenses/defenses.ts";
import { RECIPES } from "../defenses/recipes.ts";
import { choice, number, path, pattern, text, three, yesNo } from "../text/kinds.ts";
import { type Fields, fieldsOf, rows } from "./setting.ts";

const section = "Model and images";
const measured = ["erase", "defend", "evaluate", "audit"] as const;
const defended = ["erase", "defend"] as const;
const all = [...measured, "attack"] as const;
const ARCH = text(ARCHITECTURE_NAMES, "name");

/** Rows of the table. */
export const SUBJECT = {
  ...rows({ section: "Defence", commands: ["defend"], plan: "cell" }, {
    defense: {
      kind: choice(DEFENSES.map(({ name }) => name)),
      help: "the method: see below",
      default: "nad",
      record: ({ defense }, { command }) => command === "erase" ? undefined : defense,
    },
  }),
  ...rows({ section, commands: measured, plan: "model" }, {
    model: {
      kind: path("the path of a file"),
      help: ".safetensors, .onnx or a PyTorch checkpoint",
      otherwise: "the embedded one",
      changesResult: false,
    },
    arch: { kind: ARCH, help: ARCH.expected, otherwise: "found from the checkpoint", expert: true },
  }),
  ...rows({ section, commands: measured, expert: true }, {
    key: {
      kind: text("the name of a dictionary, with dots between names", "name"),
      help: "which dictionary of a PyTorch checkpoint holds the network",
      otherwise: "found",
    },
  }),
  ...rows({ section, commands: ["attack", "bench"] }, {
    newArch: {
      kind: ARCH,
      flag: "arch",
      help: ARCH.expected,
      default: "wrn-16-1",
      record: ({ arch }) => arch,
    },
  }),
  ...rows({ section, commands: all, plan: "model" }, {
    dataset: {
      kind: text("the name of a data set or the path of a folder", "name"),
      help: "signs, cifar10, gtsrb, [fashion-]mnist, or a folder",
      default: "signs",
    },
    data: {
      kind: path("the path of a folder or archive", "path"),
      help: "folder or official archive of the data set",
      default: "./data",
      changesResult: false,
    },
    roi: {
      kind: yesNo,
      help: "gtsrb: cut images to the region of interest around the sign",
      expert: true,
    },
  }),
  ...rows({ section, commands: all, expert: true }, {
    classNamesFile: {
      kind: path("the path of a file"),
      flag: "class-names",
      help: "names of the classes of own images, in label order: JSON or a line each",
    },
    classOrder: {
      kind: choice(["name", "numeric"], "order"),
      help: "how folders of own images become labels",
      default: "name",
    },
    size: {
      kind: pattern(
        "HEIGHTxWIDTH in pixels, for example 32x32",
        "hxw",
        /^[1-9]\d{0,3}x[1-9]\d{0,3}$/,
      ),
      help: "what images are brought to",
      otherwise: "32x32; of a known data set its own",
    },
    resize: {
      kind: choice(["squeeze", "crop"], "how"),
      help: "how images of another shape are brought there",
      default: "squeeze",
    },
  }),
  ...rows({ section, commands: ["evaluate", "audit", "attack"], expert: true }, {
    labelsFile: {
      kind: path("the path of a file"),
      flag: "labels",
      argument: "file.csv",
      help: "table of file and label of own images, in place of folders",
    },
  }),
  ...rows({ section, commands: defended, expert: true }, {
    labelTable: {
      kind: path("the path of a file"),
      argument: "file.csv",
      help: "table of file and label of own images, in place of folders; --labels elsewhere",
      record: ({ labelsFile }) => labelsFile,
    },
  }),
  ...rows({ section, commands: all, record: false }, {
    download: {
      kind: yesNo,
      help: "fetch the official archive into --data first",
      expert: defended,
    },
  }),
  ...rows({ section, commands: [...defended, "audit"] }, {
    recipe: {
      kind: choice(Object.keys(RECIPES) as (keyof typeof RECIPES)[]),
      help: "set of defaults that single flags override",
      default: "lethe",
      section: "Defence",
      commands: defended,
      plan: "cell",
    },
    cleanFraction: {
      kind: number({ above: 0, most: 1 }, "share"),
      help: "share of the training images that the defender has",
      otherwise: "0.05; of a folder 1",
      plan: "both",
      record: ({ subset }) => fieldsOf(subset).fraction,
    },
    trainIndices: {
      kind: pattern('records as "A:B"', "a:b", /^\d*:\d*$/),
      help: "training records a to b-1 in file order instead",
      plan: "cell",
      expert: true,
      record: ({ subset }) => fieldsOf(subset).range,
    },
  }),
  ...rows({ section, commands: all, plan: "model", expert: true }, {
    scale: {
      kind: number({ above: 0 }),
      help: "divides bytes of 0 to 255; 1 for networks that take bytes",
      default: 255,
      // Mean and deviation hold it.
      record: false,
    },
    mean: {
      kind: three(),
      help: "subtracted from pixels after --scale",
      otherwise: "0,0,0",
      record: (settings) => channels(settings, "mean", "0,0,0"),
    },
    std: {
      kind: three({ above: 0 }),
      help: "divides them after that",
      otherwise: "1,1,1",
      record: (settings) => channels(settings, "deviation", "1,1,1"),
    },
  }),
};

/** Nothing where pixels in 0..1 are taken as they are. */
function channels({ preprocessing }: Fields, name: string, plain: string): unknown {
  const values = fieldsOf(preprocessing)[name];
  return JSON.stringify(values) === `[${plain}]` ? undefined : values;
}
