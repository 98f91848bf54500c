/** What `audit` was asked to do: from flags to everything that determines a run. */

import { resolve } from "node:path";
import type { Command } from "npm:commander@15.1.0";
import { AUDIT_DEFAULTS } from "../../src/audit/audit.ts";
import { DATASET_NAMES } from "../../src/data/datasets.ts";
import { UsageError } from "../../src/errors.ts";
import type { DataFlags, ModelFlags, SubsetFlags } from "./flags.ts";
import { type DataSettings, dataSettings, EMBEDDED_MODEL, type SubsetSettings } from "./load.ts";
import { fileDigest } from "./runs.ts";
import { flag, integer, numbers } from "./values.ts";

/** Values of the flags of `audit`. */
export type AuditFlags = DataFlags & ModelFlags & SubsetFlags & {
  classes?: number[];
  steps: number;
  images: number;
  seed: number;
  out?: string;
};

/** Everything that determines a run; what `run.json` keeps. */
export interface AuditRunSettings extends DataSettings {
  readonly model: string;
  readonly modelDigest: string;
  readonly arch: string | null;
  readonly subset: SubsetSettings;
  /** Null for all. */
  readonly classes: readonly number[] | null;
  readonly steps: number;
  readonly images: number;
  readonly seed: number;
}

/** How to audit, and where it is kept. */
export function addAuditFlags(command: Command): void {
  command
    .addOption(
      flag(
        "--classes <list>",
        "compare only these, with commas between (default: all)",
        numbers("class numbers from 0", (value) => Number.isSafeInteger(value) && value >= 0),
      ),
    )
    .addOption(
      flag("--steps <n>", "most steps of the search for each class's trigger", integer(1))
        .default(AUDIT_DEFAULTS.steps),
    )
    .addOption(
      flag("--images <n>", "most of the clean images to use", integer(1))
        .default(AUDIT_DEFAULTS.images),
    )
    .addOption(
      flag("--seed <n>", "of everything random", integer(0)).default(AUDIT_DEFAULTS.seed),
    )
    .option("--out <dir>", "run folder (default: a new one in ./runs)");
}

/**
 * The settings that the flags make.
 *
 * @throws {UsageError} for flags that cannot be meant, alone or together.
 */
export async function auditSettings(flags: AuditFlags): Promise<AuditRunSettings> {
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
  const model = resolve(flags.model ?? EMBEDDED_MODEL);
  const data = await dataSettings(flags);
  // The paper's share of a known data set; a folder holds what the defender has.
  const fraction = DATASET_NAMES.includes(data.dataset) ? 0.05 : 1;
  return {
    model,
    modelDigest: await fileDigest(model),
    arch: flags.arch ?? null,
    ...data,
    subset: flags.trainIndices === undefined
      ? { fraction: flags.cleanFraction ?? fraction, seed: flags.seed }
      : { range: flags.trainIndices },
    classes: flags.classes ?? null,
    steps: flags.steps,
    images: flags.images,
    seed: flags.seed,
  };
}
