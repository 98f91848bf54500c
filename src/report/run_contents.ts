/** What a run folder says of itself, read without trust: a part that is damaged is left out. */

import { FormatError } from "../errors.ts";
import type { HostTensor } from "../formats/host_tensor.ts";
import { readSafetensors } from "../formats/safetensors.ts";
import type { MetricsLine } from "../runs/metrics.ts";
import { readMetrics, readRecord } from "../runs/run_files.ts";
import type { RunRecord } from "../runs/run_record.ts";
import type { Store } from "../runs/store.ts";
import { shown } from "../text/quoted.ts";

/** The patterns that an audit recovered. */
export interface RecoveredPatterns {
  /** K */
  readonly classes: number;
  /** H, pixels. */
  readonly height: number;
  /** W, pixels. */
  readonly width: number;
  /** Share of each pixel that the pattern replaces, 0..1, (K,H,W). */
  readonly mask: Float32Array;
  /** What it is replaced by, 0..1, (K,3,H,W). */
  readonly pattern: Float32Array;
}

/** What was asked for and could not be read. */
export interface Missing {
  /** For example `the erased model`. */
  readonly what: string;
  /** The message of the error. */
  readonly why: string;
}

/** The text files of a run folder. */
export interface RunContents {
  /** As it was given. */
  readonly path: string;
  /** The content of `run.json`. */
  readonly record: RunRecord;
  /** Empty where nothing was trained. */
  readonly metrics: readonly MetricsLine[];
  /** By the name of their file, without `.safetensors`. */
  readonly patterns: ReadonlyMap<string, RecoveredPatterns>;
  /** Files that are there but damaged. */
  readonly missing: readonly Missing[];
}

/** Files in which audits leave their patterns, without `.safetensors`. */
const PATTERN_FILES = ["patterns", "audit-before", "audit-teacher", "audit-after"];

/** Most bytes of a file of patterns. */
const MOST_PATTERNS = 2 ** 30;

/**
 * Reads a run of any command.
 *
 * @throws {FormatError} where there is none, or its `run.json` cannot be read.
 */
export async function readRun(store: Store): Promise<RunContents> {
  const { path } = store;
  const read = await readRecord(store, `cannot report on ${shown(path)}`);
  const missing: Missing[] = [];
  if (read.intact === false) {
    missing.push({
      what: "trust in the numbers of this run",
      why: "its run.json has changed since it was written (its checksum differs)",
    });
  }
  const found = async <T>(what: string, body: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await body();
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      missing.push({ what, why: error.message });
      return undefined;
    }
  };
  const metrics = await found("the curves", () => readMetrics(store));
  const patterns = new Map<string, RecoveredPatterns>();
  for (const name of PATTERN_FILES) {
    const file = `${name}.safetensors`;
    const recovered = await found("recovered patterns", async () => {
      const bytes = await store.read(file, MOST_PATTERNS);
      return bytes && readPatterns(bytes, `${path}/${file}`);
    });
    if (recovered) patterns.set(name, recovered);
  }
  return { path, record: read.record, metrics: metrics ?? [], patterns, missing };
}

function readPatterns(bytes: Uint8Array, file: string): RecoveredPatterns {
  const { tensors } = readSafetensors(bytes, file);
  const [mask, pattern] = [tensors.get("mask"), tensors.get("pattern")];
  const [classes = 0, height = 0, width = 0] = mask?.shape ?? [];
  const expected = [classes, 3, height, width].join();
  if (!isFloats(mask) || !isFloats(pattern) || pattern.shape.join() !== expected) {
    throw new FormatError(
      `cannot read the patterns in ${file}: expected mask (K,H,W) and pattern (K,3,H,W) of float32`,
    );
  }
  return { classes, height, width, mask: mask.data, pattern: pattern.data };
}

function isFloats(
  tensor: HostTensor | undefined,
): tensor is HostTensor & { readonly data: Float32Array<ArrayBuffer> } {
  return tensor?.data instanceof Float32Array;
}
