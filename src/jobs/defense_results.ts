/** What a run of a defence has found, as people read it. */

import { stageName } from "../report/report_input.ts";
import type { RunFolder } from "../runs/run_folder.ts";
import type { DefenseRunSettings } from "./defense_settings.ts";

/** What a stage is called in a table. */
export function rowName(stage: string, { record }: Pick<RunFolder, "record">): string {
  return stage === "teacher" ? "finetuned teacher" : stageName(stage, record);
}

/** How many images are held out, as part of a line. */
export const heldOutText = (count: number | undefined) =>
  count === undefined ? "" : `, ${count} of them held out`;

/** The accuracy of an epoch, as part of a line. */
export const accuracyText = (accuracy: number | undefined) =>
  accuracy === undefined ? "" : `, held out ${(100 * accuracy).toFixed(1)} %`;

/** Which file an evaluation is about. */
export function modelName(stage: string, settings: DefenseRunSettings, folder: RunFolder): string {
  if (stage === "before") return settings.model;
  if (stage === "after") return `${folder.path}/student.safetensors`;
  if (stage === "teacher") return settings.teacher ?? `${folder.path}/teacher.safetensors`;
  return `${settings.model} (${stage})`;
}
