/** What `audit` was asked to do: from flags to everything that determines a run. */

import { resolve } from "node:path";
import { DATASET_NAMES } from "../data/datasets.ts";
import { UsageError } from "../errors.ts";
import { recordSettings } from "../settings/record.ts";
import type { Flags, Recorded } from "../settings/table.ts";
import type { DataSettings, SubsetSettings } from "../settings/run_schema.ts";
import { dataSettings, embeddedModel } from "./load.ts";
import { fileDigest } from "./runs.ts";

/** Everything that determines a run; what `run.json` keeps. */
export type AuditRunSettings = Recorded<"audit"> & DataSettings & {
  readonly model: string;
  readonly modelDigest: string;
  readonly subset: SubsetSettings;
  readonly seed: number;
};

/**
 * The settings that the flags make.
 *
 * @throws {UsageError} for flags that cannot be meant, alone or together.
 */
export async function auditSettings(flags: Flags<"audit">): Promise<AuditRunSettings> {
  if (flags.model === undefined && flags.dataset !== "signs") {
    throw new UsageError(
      `cannot audit without a model: the embedded one knows only signs, not ${flags.dataset}; ` +
        "name one by --model",
    );
  }
  if (flags.trainIndices !== undefined && flags.cleanFraction !== undefined) {
    throw new UsageError("cannot take both --train-indices and --clean-fraction: give one of them");
  }
  if (flags.limit !== undefined) {
    throw new UsageError(
      "cannot limit the test images of an audit: it uses none; --images limits the clean ones",
    );
  }
  const model = resolve(flags.model ?? embeddedModel());
  const data = await dataSettings(flags);
  // The paper's share of a known data set; a folder holds what the defender has.
  const fraction = DATASET_NAMES.includes(data.dataset) ? 0.05 : 1;
  return {
    ...recordSettings("audit", flags),
    ...data,
    model,
    modelDigest: await fileDigest(model),
    subset: flags.trainIndices === undefined
      ? { fraction: flags.cleanFraction ?? fraction, seed: flags.seed }
      : { range: flags.trainIndices },
    seed: flags.seed,
  };
}
