/** Settings that one command alone reads. */

import { AUDIT_DEFAULTS } from "../audit/audit.ts";
import { choice, list, number, path, text, whole, yesNo } from "../text/kinds.ts";
import { rows } from "./setting.ts";

/** Rows of the table. */
export const PROGRAMS = rows({
  logitsFile: {
    kind: path("the path of a file"),
    flag: "logits",
    argument: "file.npy",
    help: "also write the logits, float32 [N, classes]",
    section: "Measurement",
    commands: ["evaluate"],
    record: false,
  },

  classes: {
    kind: list("class numbers from 0", whole({ least: 0 })),
    argument: "list",
    help: "compare only these, with commas between",
    otherwise: "all",
    section: "Audit",
    commands: ["audit"],
  },
  steps: {
    kind: whole({ least: 1 }),
    argument: "n",
    help: "most steps of the search for each class's trigger",
    default: AUDIT_DEFAULTS.steps,
    section: "Audit",
    commands: ["audit"],
  },
  images: {
    kind: whole({ least: 1 }),
    argument: "n",
    help: "most of the clean images to use",
    default: AUDIT_DEFAULTS.images,
    section: "Audit",
    commands: ["audit"],
  },

  reportImages: {
    kind: whole({ least: 1 }),
    flag: "images",
    argument: "n",
    help: "test images to measure the models on",
    default: 500,
    section: "Measurement",
    commands: ["report"],
  },
  page: {
    kind: path("the path of a file"),
    flag: "out",
    argument: "file.html",
    help: "where the page is written",
    otherwise: "report.html in the run folder",
    section: "Run",
    commands: ["report"],
  },

  sweepOut: {
    kind: path("the path of a folder"),
    flag: "out",
    argument: "dir",
    help: "folder of the sweep",
    otherwise: "runs/PLAN",
    section: "Run",
    commands: ["sweep"],
  },
  sweepData: {
    kind: path("the path of a folder"),
    flag: "data",
    argument: "path",
    help: "folder of the data sets, in place of the plan's",
    section: "Run",
    commands: ["sweep"],
  },
  only: {
    kind: list("names of cells, with commas between", text("the name of a cell")),
    argument: "id,...",
    help: "only these cells; * stands for any text",
    section: "Run",
    commands: ["sweep"],
  },
  workers: {
    kind: whole({ least: 1 }),
    argument: "n",
    help: "cells at one time",
    otherwise: "1; slurm: all",
    section: "Run",
    commands: ["sweep"],
  },
  retries: {
    kind: whole({ least: 0 }),
    argument: "n",
    help: "further attempts at a cell that fails",
    default: 2,
    section: "Run",
    commands: ["sweep"],
  },
  import: {
    kind: path("the path of a file"),
    argument: "file",
    help:
      "take over what the results.json of another sweep of the plan has of cells that were not " +
      "begun here",
    section: "Run",
    commands: ["sweep"],
    conflicts: ["dryRun", "report"],
  },
  engine: {
    kind: choice(["local", "slurm"]),
    argument: "name",
    help: "where cells run",
    default: "local",
    section: "Run",
    commands: ["sweep"],
  },
  wait: {
    kind: yesNo,
    help: "slurm: until the job has ended",
    section: "Run",
    commands: ["sweep"],
  },
  dryRun: {
    kind: yesNo,
    help: "check the plan and list its cells",
    section: "Run",
    commands: ["sweep"],
    conflicts: ["wait", "report"],
  },
  report: {
    kind: yesNo,
    help: "only write the tables, of what has finished so far",
    section: "Run",
    commands: ["sweep"],
    conflicts: ["only", "sweepData", "wait"],
  },

  timings: {
    kind: yesNo,
    switch: "off",
    help: "leave out the timings",
    default: true,
    section: "Measurement",
    commands: ["doctor"],
  },
  timeKernels: {
    kind: yesNo,
    flag: "tune",
    help: "time the candidates of every convolution of WRN-16-1 and keep the fastest",
    section: "Measurement",
    commands: ["doctor"],
  },
  resetTuning: {
    kind: yesNo,
    help: "forget the kernels that were chosen by timing",
    section: "Measurement",
    commands: ["doctor"],
  },

  all: {
    kind: yesNo,
    help: "the kernels of wrn-40-2 too",
    section: "Measurement",
    commands: ["bench"],
  },
  stepImages: {
    kind: whole({ least: 1 }),
    flag: "batch-size",
    argument: "n",
    help: "images a step",
    default: 64,
    section: "Measurement",
    commands: ["bench"],
  },
  batchSizes: {
    kind: list("whole numbers of at least 1", whole({ least: 1 })),
    argument: "list",
    help: "also time training steps of these sizes, for example 16,64,256",
    section: "Measurement",
    commands: ["bench"],
  },
  seconds: {
    kind: number({ above: 0 }),
    argument: "s",
    help: "length of the run of each kind of step",
    default: 30,
    section: "Measurement",
    commands: ["bench"],
  },
  filter: {
    kind: text("text"),
    argument: "text",
    help:
      "only kernels whose description has this text in it, and the steps (train, nad, evaluate) " +
      "and measurements (first step, memory) whose name has",
    section: "Measurement",
    commands: ["bench"],
  },
  peers: {
    kind: path("the path of a folder"),
    argument: "dir",
    help: "also run DIR/run.sh, which times other libraries, and compare",
    section: "Measurement",
    commands: ["bench"],
  },
});
