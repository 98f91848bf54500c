/** How a sweep starts Deno for its cells, and how Slurm starts the sweep of a cell. */

import { fileURLToPath } from "node:url";
import configuration from "../../deno.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The program of a cell, with the very permissions that deno.json gives `defend`. */
export const CELL_PROGRAM: readonly string[] = [
  "deno",
  "run",
  "--quiet",
  "--no-prompt",
  ...configuration.tasks.defend.command.split(" ").filter((word) => word.startsWith("--allow-")),
  `${ROOT}tasks/command_line/sweep_cell.ts`,
];

/** The program of `sweep`, to be started in any folder. */
export const SWEEP_PROGRAM: readonly string[] = [
  "deno",
  "task",
  "--quiet",
  "--config",
  `${ROOT}deno.json`,
  "sweep",
];
