/** The flags that say how to defend, and the type of their values. */

import { type Command, Option } from "npm:commander@15.1.0";
import type { Distance } from "../../shaders/attention.ts";
import type { Corruption } from "../../shaders/corruption.ts";
import { type RecipeName, RECIPES } from "../../src/defenses/recipes.ts";
import { corruption, flag, integer, number, numbers } from "./values.ts";

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
  extrapolation?: number;
  statistics?: "training" | "clean";
  audit?: boolean;
  before?: readonly string[];
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
        "weights of the attention losses (default: the recipe's); auto raises them as far as\n" +
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
      flag(
        "--extrapolation <share>",
        "of the way that training has come, by which parameters go on; 0: they stay\n" +
          "(default: the recipe's)",
        number("from 0 to 1", (share) => share >= 0 && share <= 1),
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
    .option(
      "--audit",
      "also audit the model before and after (default: erase of a model of your own)",
    )
    .option("--no-audit", "do not")
    .addOption(
      flag(
        "--before <run>",
        "earlier run of this command, may be given several times: where it has measured the same " +
          "model, or finetuned a copy in the same way, on the same GPU, that is not done again",
        (path: string, earlier: readonly string[] = []) => [...earlier, path],
      ),
    )
    .addHelpText(
      "after",
      "\nRecipes:\n" +
        recipes.map(([name, { description }]) => `  ${name}: ${description}`).join("\n"),
    );
}
