/** Beginning runs, and taking them up again. */

import { createHash } from "node:crypto";
import type { Dataset } from "../data/image_set.ts";
import { imagesDigest } from "../data/images_digest.ts";
import { DeviceLostError, FormatError, Interrupted } from "../errors.ts";
import { MAXIMUM_CHECKPOINT_BYTES } from "../formats/parse_checkpoint.ts";
import { readRegularFile } from "../formats/read_file.ts";
import { reserveFolder, takeFolder } from "../runs/folder_store.ts";
import { createRun, resumeRun, type RunFolder } from "../runs/run_folder.ts";
import type { RunImages, RunRecord } from "../runs/run_record.ts";
import { checkRecorded } from "../settings/record.ts";
import { shown } from "../text/quoted.ts";
import type { LoadedModel } from "./load.ts";
import type { Watcher } from "./watcher.ts";
import { typedCommand } from "./typed_command.ts";

/** Begins a run of `command` in `out`, or in the first of `runs/COMMAND-1`, ... that does not exist. */
export async function beginRun(
  out: string | undefined,
  run: Pick<RunRecord, "command" | "adapter" | "settings" | "images">,
): Promise<RunFolder> {
  const store = await reserveFolder(out, `runs/${run.command}`);
  return await createRun(store, { ...run, deno: Deno.version.deno });
}

/**
 * Goes on with the run in `path`, and says what is to be known of it.
 *
 * @throws {FormatError} where it is damaged, or has settings that no flag could have set.
 */
export async function continueRun(
  path: string,
  command: string,
  output: Watcher,
): Promise<RunFolder> {
  const folder = await resumeRun(await takeFolder(path), command, { deno: Deno.version.deno });
  try {
    checkRecorded(folder.record.settings, command, shown(`${path}/run.json`));
  } catch (error) {
    folder.close();
    throw error;
  }
  for (const warning of folder.warnings) output.warning(warning);
  return folder;
}

/** Digests of the images of a run. */
export async function imagesOf({ train, test, classNames }: Dataset): Promise<RunImages> {
  return {
    train: await imagesDigest(train, classNames),
    test: await imagesDigest(test, classNames),
  };
}

/**
 * Makes sure that a resumed run has the images that it began with; another GPU is a warning.
 *
 * @throws {FormatError} where they have changed.
 */
export function expectSameRun(
  { path, record }: RunFolder,
  { images, adapter }: { readonly images: RunImages; readonly adapter: string },
  output: Watcher,
): void {
  for (const part of ["train", "test"] as const) {
    if (record.images === undefined || record.images[part] === images[part]) continue;
    throw new FormatError(
      `cannot resume ${shown(path)}: its ${part === "train" ? "training" : "test"} images have ` +
        "changed since the run began (their SHA-256 differs); bring them back, or begin a new run",
    );
  }
  if (record.adapter !== adapter) {
    output.warning(
      `warning: ${shown(path)} was begun on ${shown(record.adapter)} and goes on on ${adapter}: ` +
        "the result may differ from that of a run in one piece",
    );
  }
}

/**
 * Runs the body of a command that writes into a run folder. To an interruption it adds how the run
 * can be taken up again; a run that fails before anything was trained leaves no folder.
 */
export async function inRunFolder<T>(folder: RunFolder, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof Interrupted) {
      const { command } = folder.record;
      throw new Interrupted(
        `stopped; go on with: ${typedCommand(command, "--resume", folder.path)}`,
        { cause: error },
      );
    }
    if (!(error instanceof DeviceLostError)) await folder.discard();
    throw error;
  } finally {
    folder.close();
  }
}

/**
 * SHA-256 of a file, hexadecimal.
 *
 * @throws {FormatError} where it cannot be read.
 */
export async function fileDigest(path: string): Promise<string> {
  const bytes = await readRegularFile(path, {
    what: "checkpoint",
    limit: MAXIMUM_CHECKPOINT_BYTES,
  });
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * Makes sure that a model is still the one that a run began with.
 *
 * @throws {FormatError} where its file has changed.
 */
export function expectDigest({ source, digest: found }: LoadedModel, digest: string | null): void {
  if (digest === null || found === digest) return;
  throw new FormatError(
    `cannot resume: ${shown(source)} has changed since the run began (SHA-256 ` +
      `${found.slice(0, 12)}, expected ${shown(digest.slice(0, 12))})`,
  );
}
