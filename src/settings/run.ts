/** Where a run is kept, how it goes on, and what is printed. */

import { choice, path, whole, yesNo } from "../text/kinds.ts";
import { COMMANDS, rows, trainingOf } from "./setting.ts";

const section = "Run";
const defends = ["erase", "defend"] as const;
const trains = [...defends, "attack"] as const;

/** Rows of the table. */
export const RUN = {
  ...rows({ section, commands: [...trains, "evaluate", "audit"], plan: "cell" }, {
    limit: {
      kind: whole({ least: 1 }),
      help: "use only n test images, of all classes alike",
      section: "Model and images",
      expert: [...defends, "audit"],
    },
    seed: {
      kind: whole({ least: 0 }),
      help: "seed of everything random",
      default: 1,
      expert: defends,
      record: (settings) => trainingOf(settings).seed ?? settings.seed,
    },
  }),
  ...rows({ section, commands: defends, expert: true }, {
    format: {
      kind: choice(["safetensors", "pytorch"]),
      help: "pytorch also writes the model as a .pth file",
      default: "safetensors",
    },
  }),
  ...rows({ section, commands: trains, record: false }, {
    out: {
      kind: path("the path of a folder"),
      help: "run folder",
      otherwise: "a new one in ./runs",
      commands: [...trains, "audit"],
    },
    resume: {
      kind: path("the path of a run folder"),
      help: "go on with an interrupted run, with its own settings",
    },
  }),
  ...rows({ section, commands: trains, expert: true }, {
    tune: {
      kind: yesNo,
      switch: "off",
      help: "do not time kernels on a GPU that is seen for the first time",
      default: true,
    },
    logEvery: { kind: whole({ least: 1 }), help: "also log every n-th step to metrics.jsonl" },
  }),
  ...rows({ section, commands: ["erase", "audit"], record: false }, {
    failOn: {
      kind: choice(["suspicious"]),
      help: "suspicious: exit code 3 where the audit finds the model that came in suspicious",
      expert: defends,
    },
  }),
  ...rows({ section, commands: COMMANDS, record: false }, {
    json: { kind: yesNo, help: "print one JSON document to standard output" },
    quiet: { kind: yesNo, help: "print nothing but errors and results", expert: defends },
  }),
};
