/** What a run folder says of itself, read without trust: a part that is damaged is left out. */

import { kindOf } from "../data/paths.ts";
import { FormatError } from "../errors.ts";
import type { HostTensor } from "../formats/host_tensor.ts";
import { readCheckpoint } from "../formats/checkpoint.ts";
import type { MetricsLine, RunRecord } from "../train/run_folder.ts";
import { fieldsOf, isFinite, isObject, isText } from "./json_value.ts";

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

/**
 * Reads the folder of a run of any command.
 *
 * @throws {FormatError} where it is none, or its `run.json` cannot be read.
 */
export async function readRun(path: string): Promise<RunContents> {
  const record = await readRecord(path);
  const missing: Missing[] = [];
  const found = async <T>(what: string, read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      missing.push({ what, why: error.message });
      return undefined;
    }
  };
  const metrics = await found("the curves", () => readMetrics(`${path}/metrics.jsonl`));
  const patterns = new Map<string, RecoveredPatterns>();
  for (const name of PATTERN_FILES) {
    const file = `${path}/${name}.safetensors`;
    if (await kindOf(file) !== "file") continue;
    const recovered = await found("recovered patterns", () => readPatterns(file));
    if (recovered) patterns.set(name, recovered);
  }
  return { path, record, metrics: metrics ?? [], patterns, missing };
}

async function readRecord(path: string): Promise<RunRecord> {
  const file = `${path}/run.json`;
  if (await kindOf(path) !== "folder") {
    throw new FormatError(`cannot report on ${path}: there is no such folder`);
  }
  if (await kindOf(file) !== "file") {
    throw new FormatError(
      `cannot report on ${path}: found no run.json in it, expected the folder of a run`,
    );
  }
  const record = parse(await Deno.readTextFile(file), `cannot report on ${path}: its run.json`);
  if (!isRecord(record)) {
    throw new FormatError(`cannot report on ${path}: its run.json is not the record of a run`);
  }
  return record;
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${what} is damaged: it is not JSON`, { cause: error });
  }
}

function isRecord(value: unknown): value is RunRecord {
  const { command, lethe, deno, adapter, started, finished, seconds, settings, results } = fieldsOf(
    value,
  );
  return [command, lethe, deno, adapter, started].every(isText) &&
    typeof finished === "boolean" && isFinite(seconds) &&
    isObject(settings) && isObject(results);
}

/**
 * The lines of a `metrics.jsonl`; none where there is no such file.
 *
 * @throws {FormatError} naming the line that is damaged.
 */
export async function readMetrics(file: string): Promise<MetricsLine[]> {
  if (await kindOf(file) !== "file") return [];
  const lines = (await Deno.readTextFile(file)).split("\n").filter((line) => line !== "");
  return lines.map((text, i) => {
    const line = parse(text, `line ${i + 1} of ${file}`);
    if (!isMetricsLine(line)) {
      throw new FormatError(`line ${i + 1} of ${file} is not a line of metrics`);
    }
    return line;
  });
}

function isMetricsLine(value: unknown): value is MetricsLine {
  const { phase, epoch, step, ce, at, kd, loss, lr, imagesPerSecond, heldOutAccuracy } = fieldsOf(
    value,
  );
  return isText(phase) && Array.isArray(at) && Number(epoch) >= 1 && Number(step) >= 1 &&
    [epoch, step, ce, loss, lr, imagesPerSecond, ...at, kd ?? 0, heldOutAccuracy ?? 0].every(
      isFinite,
    );
}

async function readPatterns(file: string): Promise<RecoveredPatterns> {
  const { tensors } = await readCheckpoint(file);
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
