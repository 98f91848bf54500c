/**
 * `run.json`: what a run was asked, with what, and what came of it. It ends with the SHA-256 of the
 * rest, so that a bit that flips on a disk is noticed although the text still parses.
 */

import { FormatError } from "../errors.ts";
import { parseJson } from "../formats/json.ts";
import { shown } from "../text/quoted.ts";
import { sha256 } from "./digest.ts";
import {
  anything,
  check,
  number,
  object,
  optional,
  record,
  type Schema,
  text,
  truth,
  whole,
} from "./schema.ts";

/** What `run.json` holds. */
export interface RunRecord {
  /** The command that made the run: `erase`, `attack`. */
  readonly command: string;
  /** Version of this program. */
  readonly lethe: string;
  /** Version of Deno. */
  readonly deno: string;
  /** Name of the GPU adapter. */
  readonly adapter: string;
  /** Start, ISO 8601. */
  readonly started: string;
  /** True once all results are there. */
  readonly finished: boolean;
  /** Wall time so far, over all resumes. */
  readonly seconds: number;
  /** Every setting of the run, seeds included. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Digests of the images that the run works with; absent in records of earlier versions. */
  readonly images?: RunImages;
  /** Results by name, as far as they are there. */
  readonly results: Readonly<Record<string, unknown>>;
  /** SHA-256 of the run's other files, by name, as far as a resume reads them. */
  readonly files?: Readonly<Record<string, string>>;
  /** True where the run was made elsewhere: only its results are here. */
  readonly imported?: boolean;
  /** Of `metrics.jsonl`: its first bytes and their SHA-256. */
  readonly metrics?: { readonly bytes: number; readonly sha256: string };
}

/** Digests of images, labels and class names. */
export interface RunImages {
  /** Of those that are trained on. */
  readonly train: string;
  /** Of those that are measured on. */
  readonly test: string;
}

/** A longest time that makes sense, about 30 years: beyond it a number is damaged. */
const LONGEST_SECONDS = 1e9;

const recordSchema: Schema<RunRecord> = object<RunRecord>({
  command: text,
  lethe: text,
  deno: text,
  adapter: text,
  started: text,
  finished: truth,
  seconds: number(0, LONGEST_SECONDS),
  settings: record(anything),
  images: optional(object<RunImages>({ train: text, test: text })),
  results: record(anything),
  files: optional(record(text)),
  imported: optional(truth),
  metrics: optional(object<{ bytes: number; sha256: string }>({ bytes: whole(0), sha256: text })),
});

/** The text of a `run.json`. */
export async function encodeRecord(record: RunRecord): Promise<string> {
  // Through text and back, so that what is left out of JSON is left out of the digest.
  const plain = JSON.parse(JSON.stringify(record));
  return JSON.stringify({ ...plain, sha256: await digestOf(plain) }, null, 2) + "\n";
}

/** Of the values, not of the spaces between them. */
async function digestOf(record: object): Promise<string> {
  return await sha256(new TextEncoder().encode(JSON.stringify(record)));
}

/** A record out of a file. */
export interface ReadRecord {
  readonly record: RunRecord;
  /** Whether it is what was written; undefined of an earlier version's, which does not say. */
  readonly intact: boolean | undefined;
}

/**
 * Reads what {@linkcode encodeRecord} wrote.
 *
 * @param attempt Begins the message, for example `cannot resume runs/erase-1`.
 * @throws {FormatError} where the text is not the record of a run.
 */
export async function decodeRecord(json: string, attempt: string): Promise<ReadRecord> {
  const value = parseJson(json, `${attempt}: its run.json is damaged`);
  const record = check(recordSchema, value, `${attempt}: its run.json is not the record of a run`);
  const { sha256: digest, ...rest } = record as RunRecord & { readonly sha256?: unknown };
  // What came with checksums stands in no record without its own: there a key is damaged.
  const { files, images, metrics } = rest;
  const hasNone = digest === undefined && !files && !images && !metrics;
  return { record: rest, intact: hasNone ? undefined : digest === await digestOf(rest) };
}

/**
 * Makes sure that a record is the one that was written.
 *
 * @throws {FormatError} where it has changed.
 */
export function expectIntact({ intact }: ReadRecord, attempt: string): void {
  if (intact !== false) return;
  throw new FormatError(
    `${attempt}: its run.json has changed since it was written (its checksum differs); bring back ` +
      "the file as it was, or begin a new run",
  );
}

/**
 * Makes sure that a record is one of the given command.
 *
 * @throws {FormatError} where it is another's.
 */
export function expectCommand({ command }: RunRecord, expected: string, attempt: string): void {
  if (command === expected) return;
  throw new FormatError(
    `${attempt}: it is a run of ${shown(command)}, expected one of ${expected}`,
  );
}
