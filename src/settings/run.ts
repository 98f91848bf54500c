/** Where a run is kept, how it goes on, and what is printed. */

import { choice, path, whole, yesNo } from "../text/kinds.ts";
import { COMMANDS, rows, trainingOf } from "./setting.ts";

const section = "Run";
const trained = ["erase", "defend", "attack"] as const;

/** Rows of the table. */
export const RUN = rows({
  limit: {
    kind: whole({ least: 1 }),
    argument: "n",
    help: "use only n test images, of all classes alike",
    section: "Model and images",
    commands: ["erase", "defend", "attack", "evaluate", "audit"],
    expert: ["erase", "defend", "audit"],
    plan: "cell",
  },
  seed: {
    kind: whole({ least: 0 }),
    argument: "n",
    help: "seed of everything random",
    default: 1,
    section,
    commands: ["erase", "defend", "attack", "evaluate", "audit"],
    expert: ["erase", "defend"],
    plan: "cell",
    record: (settings) => trainingOf(settings).seed ?? settings.seed,
  },
  format: {
    kind: choice(["safetensors", "pytorch"]),
    argument: "name",
    help: "pytorch also writes the model as a .pth file",
    default: "safetensors",
    section,
    commands: ["erase", "defend"],
    expert: true,
  },
  out: {
    kind: path("the path of a folder"),
    argument: "dir",
    help: "run folder",
    otherwise: "a new one in ./runs",
    section,
    commands: ["erase", "defend", "attack", "audit"],
    record: false,
  },
  resume: {
    kind: path("the path of a run folder"),
    argument: "dir",
    help: "go on with an interrupted run, with its own settings",
    section,
    commands: trained,
    record: false,
  },
  tune: {
    kind: yesNo,
    switch: "off",
    help: "do not time kernels on a GPU that is seen for the first time",
    default: true,
    section,
    commands: trained,
    expert: true,
  },
  logEvery: {
    kind: whole({ least: 1 }),
    argument: "n",
    help: "also log every n-th step to metrics.jsonl",
    section,
    commands: trained,
    expert: true,
  },
  json: {
    kind: yesNo,
    help: "print one JSON document to standard output",
    section,
    commands: COMMANDS,
    record: false,
  },
  quiet: {
    kind: yesNo,
    help: "print nothing but errors and results",
    section,
    commands: COMMANDS,
    expert: ["erase", "defend"],
    record: false,
  },
});
