/** The flags that commands share, in groups, and the types of their values. */

import { type Command, Option } from "npm:commander@15.1.0";
import type { Corruption } from "../../shaders/corruption.ts";
import type { Distance } from "../../shaders/attention.ts";
import { ATTACKS } from "../../src/attacks/attacks.ts";
import { type RecipeName, RECIPES } from "../../src/defenses/recipes.ts";
import { type Schedule, SCHEDULES } from "../../src/train/schedule.ts";
import { corruption, flag, integer, number, numbers, pairs, words } from "./values.ts";

/** Values of {@linkcode addDataFlags}. */
export interface DataFlags {
  dataset: string;
  data: string;
  download?: boolean;
  limit?: number;
  roi?: boolean;
  mean?: [number, number, number];
  std?: [number, number, number];
  scale: number;
}

/** Which images, and how they become numbers. */
export function addDataFlags(command: Command): void {
  command
    .option(
      "--dataset <name>",
      "signs (embedded), cifar10, gtsrb, mnist, fashion-mnist, or a folder with one sub-folder a class",
      "signs",
    )
    .option("--data <path>", "where the data set lies: a folder or the official archive", "./data")
    .option("--download", "fetch the official archive into --data first")
    .option("--roi", "gtsrb: cut each image to the region of interest around its sign")
    .addOption(flag("--limit <n>", "use only the first n test images", integer(1)))
    .addOption(
      flag(
        "--mean <r,g,b>",
        "subtracted from pixels after --scale (default: 0,0,0)",
        numbers("three numbers", () => true, 3),
      ),
    )
    .addOption(
      flag(
        "--std <r,g,b>",
        "divides them after that (default: 1,1,1)",
        numbers("three numbers above 0", (value) => value > 0, 3),
      ),
    )
    .addOption(
      flag(
        "--scale <s>",
        "divides bytes of 0 to 255 before that; 1 for networks that take bytes",
        number("above 0", (value) => value > 0),
      ).default(255),
    );
}

/** Values of {@linkcode addModelFlags}. */
export interface ModelFlags {
  model?: string;
  arch?: string;
}

/** Which network. */
export function addModelFlags(command: Command): void {
  command
    .option("--model <file>", ".safetensors or a PyTorch checkpoint (default: the embedded one)")
    .option("--arch <name>", "wrn-DEPTH-WIDTH (default: found from the checkpoint)");
}

/** Values of {@linkcode addAttackFlags}. */
export interface AttackFlags {
  attack?: string;
  target?: number;
  targetMode: "all2one" | "all2all";
  attackOptions?: Record<string, string>;
}

/** Which backdoor. `special` names what `--attack` takes beside attacks. */
export function addAttackFlags(command: Command, special: string): void {
  const names = ATTACKS.map(({ name }) => name).join(", ");
  command
    .option("--attack <name>", `${names}, or ${special}`)
    .addOption(flag("--target <n>", "the class that the trigger leads to (default: 0)", integer(0)))
    .addOption(
      new Option("--target-mode <mode>", "all2all leads class y to y + 1")
        .choices(["all2one", "all2all"]).default("all2one"),
    )
    .addOption(
      flag("--attack-options <key=value,...>", "parameters of the trigger: see the help", pairs),
    )
    .addHelpText(
      "after",
      "\nAttacks and their options:\n" +
        ATTACKS.map(({ name, description, options }) =>
          `  ${name}: ${description}\n` +
          Object.entries(options).map(([key, text]) => `    ${key}: ${text}`).join("\n")
        ).join("\n"),
    );
}

/** Values of {@linkcode addSubsetFlags}. */
export interface SubsetFlags {
  cleanFraction?: number;
  trainIndices?: string;
}

/** The defender's clean images. */
export function addSubsetFlags(command: Command): void {
  command
    .addOption(
      flag(
        "--clean-fraction <share>",
        "share of the training images that the defender has (default: 0.05; of a folder 1)",
        number("a number above 0 and at most 1", (value) => value > 0 && value <= 1),
      ),
    )
    .option("--train-indices <a:b>", "training records a to b-1 in file order instead");
}

/** Values of {@linkcode addTrainingFlags}. */
export interface TrainingFlags {
  epochs?: number;
  batchSize?: number;
  lr?: number;
  lrSchedule?: Schedule;
  momentum?: number;
  /** Present only where `--no-nesterov` was given: false. */
  nesterov: boolean;
  weightDecay?: number;
  augment?: string[];
  order: "shuffle" | "file";
  logEvery?: number;
  /** Present only where `--no-tune` was given: false. */
  tune: boolean;
}

/** How to train. */
export function addTrainingFlags(command: Command): void {
  command
    .addOption(flag("--epochs <n>", "epochs of training", integer(1)))
    .addOption(flag("--batch-size <n>", "images a step", integer(1)))
    .addOption(
      flag("--lr <rate>", "initial learning rate", number("above 0", (value) => value > 0)),
    )
    .addOption(
      new Option("--lr-schedule <name>", "how the learning rate falls").choices([...SCHEDULES]),
    )
    .addOption(
      flag(
        "--momentum <share>",
        "of SGD",
        number("at least 0 and below 1", (value) => value >= 0 && value < 1),
      ),
    )
    .option("--no-nesterov", "plain momentum")
    .addOption(
      flag("--weight-decay <factor>", "of SGD", number("at least 0", (value) => value >= 0)),
    )
    .addOption(
      flag(
        "--augment <list>",
        "some of crop, flip, cutout with commas between, or none",
        words(["crop", "flip", "cutout", "none"]),
      ),
    )
    .addOption(
      new Option("--order <order>", "of the images in an epoch").choices(["shuffle", "file"])
        .default("shuffle"),
    )
    .option("--no-tune", "do not time kernels on a GPU that is seen for the first time")
    .addOption(flag("--log-every <n>", "also log every n-th step to metrics.jsonl", integer(1)));
}

/** Values of {@linkcode addDefenseFlags}. */
export interface DefenseFlags {
  recipe: RecipeName;
  teacher?: string;
  teacherEpochs?: number;
  betas?: number[] | "auto";
  distill: "attention" | "features";
  attention: "sum" | "mean";
  power: number;
  taps?: number[];
  distance: Distance;
  iterations: number;
  heldOut?: number;
  floor: number;
  teacherFloor: number;
  patience: number;
  curvePosition: number;
  labels?: number;
  logits?: number;
  corruption?: Corruption | null;
  averaging?: number;
  statistics?: "training" | "clean";
}

/** How to defend. */
export function addDefenseFlags(command: Command): void {
  const recipes = Object.entries(RECIPES);
  const weight = number("at least 0", (value) => value >= 0);
  const points = number("from 0 to 100", (value) => value >= 0 && value <= 100);
  command
    .addOption(
      new Option("--recipe <name>", "set of defaults that single flags override")
        .choices(recipes.map(([name]) => name)).default("lethe"),
    )
    .option(
      "--teacher <file>",
      "distil from this network; finetuned: from a finetuned copy; original: from the model itself\n" +
        "as it sees images without corruption (default: the recipe's)",
    )
    .addOption(flag("--teacher-epochs <n>", "epochs of finetuning the teacher", integer(1)))
    .addOption(
      flag(
        "--betas <b1,b2,b3>",
        "weights of the attention losses (default: 500,1000,1000); auto raises them as far as\n" +
          "--floor allows",
        (text) =>
          text === "auto"
            ? text
            : numbers("three numbers of at least 0, or auto", (b) => b >= 0, 3)(text),
      ),
    )
    .addOption(
      flag("--labels <weight>", "of the cross-entropy (default: the recipe's)", weight),
    )
    .addOption(
      flag("--logits <weight>", "of the teacher's own answers (default: the recipe's)", weight),
    )
    .addOption(
      flag(
        "--corruption <list>",
        "mix:P:STRENGTH, wave:P:AMPLITUDE, patch:P:SIZE: what disturbs the images that the student\n" +
          "sees, or none (default: the recipe's)",
        corruption,
      ),
    )
    .addOption(
      flag(
        "--averaging <decay>",
        "of the running average that is kept; 0 keeps the last network (default: the recipe's)",
        number("at least 0 and below 1", (decay) => decay >= 0 && decay < 1),
      ),
    )
    .addOption(
      new Option(
        "--statistics <name>",
        "of batch norm: as training leaves them, or anew on clean images (default: the recipe's)",
      ).choices(["training", "clean"]),
    )
    .addOption(
      new Option("--distill <what>", "attention maps, or the features themselves")
        .choices(["attention", "features"]).default("attention"),
    )
    .addOption(
      new Option("--attention <operator>", "reduction over channels").choices(["sum", "mean"])
        .default("sum"),
    )
    .addOption(
      flag("--power <p>", "of the absolute activations", number("at least 1", (p) => p >= 1))
        .default(2),
    )
    .addOption(
      flag(
        "--taps <list>",
        "groups whose attention is distilled (default: 1,2,3)",
        numbers("some of 1, 2 and 3", (tap) => [1, 2, 3].includes(tap)),
      ),
    )
    .addOption(
      new Option(
        "--distance <name>",
        "mean of squares, as published code has it, or the paper's L2",
      )
        .choices(["mean", "l2"]).default("mean"),
    )
    .addOption(
      flag("--iterations <n>", "times the result becomes the next teacher", integer(1)).default(1),
    )
    .addOption(
      flag(
        "--held-out <share>",
        "share of the clean images that only choose (default: the recipe's)",
        number("at least 0 and below 1", (share) => share >= 0 && share < 1),
      ),
    )
    .addOption(
      flag("--floor <points>", "held-out accuracy that --betas auto and pruning may cost", points)
        .default(2),
    )
    .addOption(
      flag("--teacher-floor <points>", "held-out accuracy that a teacher may have lost", points)
        .default(10),
    )
    .addOption(
      flag("--patience <n>", "epochs without a better held-out accuracy; 0: run all", integer(0))
        .default(0),
    )
    .addOption(
      flag(
        "--curve-position <t>",
        "mcr: the point of the curve that is the result",
        number("from 0 to 1", (t) => t >= 0 && t <= 1),
      ).default(0.3),
    )
    .addHelpText(
      "after",
      "\nRecipes:\n" +
        recipes.map(([name, { description }]) => `  ${name}: ${description}`).join("\n"),
    );
}

/** Values of {@linkcode addFormatFlag}. */
export interface FormatFlags {
  format: "safetensors" | "pytorch";
}

/** In which format the resulting model is written. */
export function addFormatFlag(command: Command): void {
  command.addOption(
    new Option("--format <name>", "pytorch also writes the model as a .pth file")
      .choices(["safetensors", "pytorch"]).default("safetensors"),
  );
}

/** Values of {@linkcode addRunFlags}. */
export interface RunFlags {
  seed: number;
  out?: string;
  resume?: string;
}

/** Where a run is kept. */
export function addRunFlags(command: Command): void {
  command
    .addOption(flag("--seed <n>", "of everything random", integer(0)).default(1))
    .option("--out <dir>", "run folder (default: a new one in ./runs)")
    .option("--resume <dir>", "go on with an interrupted run, with its own settings");
}
