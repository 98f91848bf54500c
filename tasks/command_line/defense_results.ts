/** What a run of a defence has found, as people read it. */

import type { RunFolder } from "../../src/runs/run_folder.ts";
import type { DefenseRunSettings } from "./defense_settings.ts";

/** Names of stages for people; other stages keep their own. */
export const ROW_NAMES: Readonly<Record<string, string>> = {
  before: "backdoored",
  teacher: "finetuned teacher",
  after: "erased",
};

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
