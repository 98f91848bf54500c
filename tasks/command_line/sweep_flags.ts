/** The flags of `sweep`, and which of a plan's cells they choose. */

import { type Command, Option } from "npm:commander@15.1.0";
import { nearestName } from "../../src/data/nearest_name.ts";
import { UsageError } from "../../src/errors.ts";
import type { Plan } from "../../src/sweep/plan.ts";
import type { Cell } from "../../src/sweep/plan_rows.ts";
import { flag, integer } from "./values.ts";

/** Values of {@linkcode addSweepFlags}. */
export interface SweepFlags {
  out?: string;
  data?: string;
  only?: string[];
  workers?: number;
  retries: number;
  import?: string;
  engine: "local" | "slurm";
  wait?: boolean;
  dryRun?: boolean;
  report?: boolean;
}

/** What to run, where, and how. */
export function addSweepFlags(command: Command): void {
  command
    .argument("<plan>", "plan file: see studies/README.md")
    .option("--out <dir>", "folder of the sweep (default: runs/PLAN)")
    .option("--data <path>", "folder of the data sets, in place of the plan's")
    .addOption(
      flag(
        "--only <id,...>",
        "only these cells; * stands for any text",
        (text) => text.split(",").map((part) => part.trim()),
      ),
    )
    .addOption(
      flag("--workers <n>", "cells at one time (default: 1; slurm: all)", integer(1)),
    )
    .addOption(
      flag("--retries <n>", "further attempts at a cell that fails", integer(0)).default(2),
    )
    .addOption(
      new Option(
        "--import <file>",
        "take over what the results.json of another sweep of the plan\nhas of cells that were not begun here",
      ).conflicts(["dryRun", "report"]),
    )
    .addOption(
      new Option("--engine <name>", "where cells run").choices(["local", "slurm"])
        .default("local"),
    )
    .option("--wait", "slurm: until the job has ended")
    .addOption(
      new Option("--dry-run", "check the plan and list its cells").conflicts(["wait", "report"]),
    )
    .addOption(
      new Option("--report", "only write the tables, of what has finished so far")
        .conflicts(["only", "data", "wait"]),
    );
}

/**
 * The cells that `--only` names, in the plan's order.
 *
 * @throws {UsageError} for a name that fits none.
 */
export function chooseCells(plan: Plan, only: readonly string[] | undefined): readonly Cell[] {
  if (!only) return plan.cells;
  const patterns = only.map((text) => {
    const expression = new RegExp(`^${text.split("*").map(RegExp.escape).join(".*")}$`);
    if (plan.cells.some(({ id }) => expression.test(id))) return expression;
    const near = nearestName(text, plan.cells.map(({ id }) => id));
    throw new UsageError(
      `cannot run only "${text}": no cell has that name` +
        (near === undefined ? "; --dry-run lists them" : `; did you mean "${near}"?`),
    );
  });
  return plan.cells.filter(({ id }) => patterns.some((expression) => expression.test(id)));
}
