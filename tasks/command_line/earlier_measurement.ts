/** Takes the measurement of a model from an earlier run instead of measuring it once more. */

import { isDeepStrictEqual } from "node:util";
import { isEvaluation } from "../../src/sweep/cell_folder.ts";
import { openRunFolder } from "../../src/train/run_folder.ts";
import type { DefenseRunSettings } from "./defense_settings.ts";

/** What the measurement of a model, as it came, depends on besides the GPU. */
const DEPENDS_ON = [
  "modelDigest",
  "arch",
  "dataset",
  "data",
  "limit",
  "roi",
  "preprocessing",
  "attack",
] as const satisfies readonly (keyof DefenseRunSettings)[];

/**
 * The result `before` of the run of `command` in `path`; undefined where it was of another model,
 * other images, another attack, or on another GPU.
 *
 * @throws {FormatError} where there is no such run.
 */
export async function earlierMeasurement(
  path: string,
  command: string,
  settings: DefenseRunSettings,
  adapter: string,
): Promise<unknown> {
  const { record } = await openRunFolder(path, command, "take a measurement from");
  const { before } = record.results;
  const asRecorded = JSON.parse(JSON.stringify(settings));
  const same = record.adapter === adapter &&
    DEPENDS_ON.every((key) => isDeepStrictEqual(record.settings[key], asRecorded[key]));
  return same && isEvaluation(before) ? before : undefined;
}
