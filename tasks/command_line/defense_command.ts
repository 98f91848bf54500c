/** What `erase` and `defend` have in common: how they begin, and what they print. */

import { RECIPES } from "../../src/defenses/recipes.ts";
import { defenseJob, type DefenseResult } from "../../src/jobs/defense_job.ts";
import { rowName } from "../../src/jobs/defense_results.ts";
import {
  type DefenseCommandFlags,
  defenseSettings,
  resumedDefense,
} from "../../src/jobs/defense_settings.ts";
import { downloadIfAsked } from "../../src/jobs/load.ts";
import { resultsTable, verdictText } from "../../src/jobs/results.ts";
import { continueRun } from "../../src/jobs/runs.ts";
import { typedCommand } from "../../src/jobs/typed_command.ts";
import { auditsOf } from "../../src/runs/audit.ts";
import { evaluationsOf } from "../../src/runs/evaluation.ts";
import { shown } from "../../src/text/quoted.ts";
import { MEASURED_ATTACKS } from "./attack_notes.ts";
import type { CommandContext, Note } from "./command.ts";
import type { Evidence } from "./fail_on.ts";
import type { Output } from "./output.ts";
import { checkResumeFlags } from "./resume_flags.ts";

/** Lists that the help of a command with a defence ends with. */
export const DEFENSE_NOTES: readonly Note[] = [
  {
    heading: "Recipes",
    entries: Object.entries(RECIPES).map(([name, { description }]) => [name, description]),
    expert: true,
  },
  ...MEASURED_ATTACKS,
];

/**
 * Runs the defence `name` as the flags say, or goes on with a run of the command.
 *
 * @returns what was found out about the model that came in.
 */
export async function runDefense(
  context: CommandContext,
  commandName: "erase" | "defend",
  name: string,
  flags: DefenseCommandFlags,
): Promise<Evidence> {
  const { parser, output } = context;
  if (flags.resume !== undefined) checkResumeFlags(parser);
  const resumed = flags.resume === undefined
    ? undefined
    : await continueRun(flags.resume, commandName, output);
  if (!resumed) await downloadIfAsked(flags, output);
  const request = resumed
    ? resumedDefense(resumed)
    : await defenseSettings(commandName, name, flags);
  const { out, before } = flags;
  const result = await defenseJob(context, commandName, request, { out, before, resumed });
  printResults(result, output);
  const { record, classes } = result;
  const evaluation = Object.fromEntries(evaluationsOf(record)).before;
  return { audit: auditsOf(record).before, evaluation, classes };
}

/** The table, the verdict and the files for people; one document for programs. */
function printResults(
  { settings, record, verdict, out, files }: DefenseResult,
  output: Output,
): void {
  const rows = evaluationsOf(record);
  output.result(resultsTable(rows.map(([stage, row]) => [rowName(stage, { record }), row])));
  output.result(verdictText(verdict));
  output.line(`cleaned model: ${files.map((file) => shown(`${out}/${file}`)).join(" and ")}`);
  output.line(`now: ${typedCommand("report", out)}`);
  const { results, settings: recorded } = record;
  // A model that is its own teacher has been measured as what it was before.
  const own = settings.defense === "nad" && !results.teacher ? { teacher: results.before } : {};
  output.document({ ...own, ...results, verdict, settings: recorded, out });
}
