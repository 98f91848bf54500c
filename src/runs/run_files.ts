/** Reads the files of a run, each held against what is on record of it. */

import { FormatError } from "../errors.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import { readSafetensors } from "../formats/safetensors.ts";
import { shown } from "../text/quoted.ts";
import { sha256 } from "./digest.ts";
import { decodeMetrics, type MetricsLine } from "./metrics.ts";
import { decodeRecord, type ReadRecord } from "./run_record.ts";
import type { Store } from "./store.ts";

/** What a run was asked, and what came of it. */
export const RECORD = "run.json";
/** The course of training. */
export const METRICS = "metrics.jsonl";
/** The last snapshot. */
export const SNAPSHOT = "checkpoint/training.safetensors";

/** Most bytes of a file that holds text. */
export const MOST_TEXT = 256 * 2 ** 20;
/** Most bytes of a file that holds tensors. */
export const MOST_TENSORS = 64 * 2 ** 30;

/**
 * The record of a run.
 *
 * @param attempt Begins the message, for example `cannot resume runs/erase-1`.
 * @throws {FormatError} where there is none, or it is not the record of a run.
 */
export async function readRecord(store: Store, attempt: string): Promise<ReadRecord> {
  const bytes = await store.read(RECORD, MOST_TEXT);
  if (!bytes) {
    if (!await store.exists()) throw new FormatError(`${attempt}: there is no such folder`);
    throw new FormatError(`${attempt}: found no ${RECORD} in it, expected the folder of a run`);
  }
  return await decodeRecord(new TextDecoder().decode(bytes), attempt);
}

/**
 * The lines of a run's metrics; none where it has trained nothing.
 *
 * @throws {FormatError} naming the line that is damaged.
 */
export async function readMetrics(store: Store): Promise<MetricsLine[]> {
  const bytes = await store.read(METRICS, MOST_TEXT) ?? new Uint8Array(0);
  return decodeMetrics(new TextDecoder().decode(bytes), `${store.path}/${METRICS}`);
}

/**
 * A file of a run that `saveFile` wrote; undefined where the run had not come so far.
 *
 * @throws {FormatError} where it is not what was written.
 */
export async function readRunFile(
  store: Store,
  { record, intact }: ReadRecord,
  name: string,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const digest = record.files?.[name];
  // What is not on record was written just before the run was killed, and is made once more.
  if (digest === undefined && intact !== undefined) return undefined;
  const bytes = await store.read(name, MOST_TENSORS);
  if (!bytes || digest === undefined || await sha256(bytes) === digest) return bytes;
  throw new FormatError(
    `cannot use ${shown(`${store.path}/${name}`)}: it has changed since the run wrote it (its ` +
      "SHA-256 differs)",
  );
}

/**
 * A model of a run, `NAME.safetensors`; undefined where the run had not come so far.
 *
 * @throws {FormatError} where it is not what was written, or cannot be read.
 */
export async function readRunModel(
  store: Store,
  read: ReadRecord,
  name: string,
): Promise<StateDict | undefined> {
  const file = `${name}.safetensors`;
  const bytes = await readRunFile(store, read, file);
  return bytes && readSafetensors(bytes, `${store.path}/${file}`).tensors;
}
