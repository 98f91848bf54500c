/**
 * Plans of many runs: cells, running them, here or on Slurm, and their tables.
 *
 * @module
 */

export type { PlanFile, PlanRow } from "./src/sweep/plan_file.ts";
export type { CellSettings, PlanModel, Settings, SettingValue } from "./src/settings/plan.ts";
export { parsePlan, type Plan } from "./src/sweep/plan.ts";
export type { Cell } from "./src/sweep/plan_rows.ts";
export { type PlanPlaces, type ReadyCell, readyCells } from "./src/sweep/ready_cells.ts";
export { HEARTBEAT, type Heartbeat } from "./src/sweep/attempts.ts";
export type { CellResult } from "./src/sweep/cell_folder.ts";
export {
  type CellEnd,
  type CellEvent,
  runCells,
  type RunCellsOptions,
  type RunnableCell,
} from "./src/sweep/run_cells.ts";
export type { Comparison, FinishedCell, Group } from "./src/sweep/groups.ts";
export { type Measure, MEASURES, type Summaries } from "./src/sweep/measures.ts";
export { summarize, type Summary } from "./src/sweep/confidence.ts";
export { readSweep, type SweepReport, type UnfinishedCell } from "./src/sweep/sweep_report.ts";
export {
  type ResultRow,
  type ResultsDocument,
  resultsDocument,
  writeReport,
} from "./src/sweep/report_files.ts";
export { type JobArray, slurmScript, type SubmittedJob, submitToSlurm } from "./src/sweep/slurm.ts";
