/** The flags that commands share, in groups, and the types of their values. */

import { type Command, Option } from "npm:commander@15.1.0";
import { ATTACKS } from "../../src/attacks/attacks.ts";
import { type Schedule, SCHEDULES } from "../../src/train/schedule.ts";
import { flag, integer, number, numbers, pairs, words } from "./values.ts";

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
    .addOption(flag("--limit <n>", "use only n test images, of all classes alike", integer(1)))
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

/** What `--attack` of {@linkcode addAttackFlags} takes where models are measured. */
export const RECORDED_ATTACK =
  "recorded: what the model's own metadata says, or a .safetensors file: what that model's says";

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
