/** Settings that one command alone reads. */

import { AUDIT_DEFAULTS } from "../audit/audit.ts";
import { choice, list, number, path, text, whole, yesNo } from "../text/kinds.ts";
import { rows } from "./setting.ts";

const COUNT = whole({ least: 1 });
const FILE = path("the path of a file");
const FOLDER = path("the path of a folder");

/** Rows of the table. */
export const PROGRAMS = {
  ...rows({ section: "Measurement", commands: ["evaluate"], record: false }, {
    logitsFile: {
      kind: FILE,
      flag: "logits",
      argument: "file.npy",
      help: "also write the logits, float32 [N, classes]",
    },
  }),
  ...rows({ section: "Audit", commands: ["audit"] }, {
    classes: {
      kind: list("class numbers from 0", whole({ least: 0 })),
      help: "compare only these, with commas between",
      otherwise: "all",
    },
    steps: {
      kind: COUNT,
      help: "most steps of the search for each class's trigger",
      default: AUDIT_DEFAULTS.steps,
    },
    images: {
      kind: COUNT,
      help: "most of the clean images to use",
      default: AUDIT_DEFAULTS.images,
    },
  }),
  ...rows({ section: "Run", commands: ["report"] }, {
    reportImages: {
      kind: COUNT,
      flag: "images",
      help: "test images to measure the models on",
      default: 500,
    },
    page: {
      kind: FILE,
      flag: "out",
      argument: "file.html",
      help: "where the page is written",
      otherwise: "report.html in the run folder",
    },
  }),
  ...rows({ section: "Run", commands: ["sweep"] }, {
    sweepOut: { kind: FOLDER, flag: "out", help: "folder of the sweep", otherwise: "runs/PLAN" },
    sweepData: {
      kind: FOLDER,
      flag: "data",
      help: "folder of the data sets, in place of the plan's",
    },
    only: {
      kind: list("names of cells, with commas between", text("the name of a cell", "id")),
      argument: "id,...",
      help: "only these cells; * stands for any text",
    },
    workers: { kind: COUNT, help: "cells at one time", otherwise: "1; slurm: all" },
    retries: {
      kind: whole({ least: 0 }),
      help: "further attempts at a cell that fails",
      default: 2,
    },
    import: {
      kind: FILE,
      help: "take over what the results.json of another sweep of the plan has of cells that were " +
        "not begun here",
      conflicts: ["dryRun", "report"],
    },
    engine: { kind: choice(["local", "slurm"]), help: "where cells run", default: "local" },
    wait: { kind: yesNo, help: "slurm: until the job has ended" },
    dryRun: {
      kind: yesNo,
      help: "check the plan and list its cells",
      conflicts: ["wait", "report"],
    },
    report: {
      kind: yesNo,
      help: "only write the tables, of what has finished so far",
      conflicts: ["only", "sweepData", "wait"],
    },
  }),
  ...rows({ section: "Measurement", commands: ["doctor"] }, {
    timings: { kind: yesNo, switch: "off", help: "leave out the timings", default: true },
    timeKernels: {
      kind: yesNo,
      flag: "tune",
      help: "time the candidates of every convolution of WRN-16-1 and keep the fastest",
    },
    resetTuning: { kind: yesNo, help: "forget the kernels that were chosen by timing" },
  }),
  ...rows({ section: "Measurement", commands: ["bench"] }, {
    all: { kind: yesNo, help: "the kernels of wrn-40-2 too" },
    stepImages: { kind: COUNT, flag: "batch-size", help: "images a step", default: 64 },
    batchSizes: {
      kind: list("whole numbers of at least 1", COUNT),
      help: "also time training steps of these sizes, for example 16,64,256",
    },
    seconds: {
      kind: number({ above: 0 }),
      help: "length of the run of each kind of step",
      default: 30,
    },
    filter: {
      kind: text("text", "text"),
      help: "only kernels whose description has this text in it, and the steps (train, nad, " +
        "evaluate) and measurements (first step, memory) whose name has",
    },
    peers: { kind: FOLDER, help: "also run DIR/run.sh, which times other libraries, and compare" },
  }),
};
