/**
 * The folder of a run: settings, metrics, models and what a resume needs. Every file is replaced as
 * a whole, so a run that is killed at any moment leaves a folder from which it can go on.
 */

import { FormatError, messageOf, UsageError } from "../errors.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import { readSafetensors, writeSafetensors } from "../formats/safetensors.ts";
import { writeFileAtomic } from "../formats/write_file.ts";
import { VERSION } from "../version.ts";
import { decodeSnapshot, encodeSnapshot, type PhaseSnapshot } from "./snapshot_file.ts";

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
  /** Results by name, as far as they are there. */
  readonly results: Readonly<Record<string, unknown>>;
}

/** A line of `metrics.jsonl`: one epoch or one logged step. */
export interface MetricsLine {
  /** For example `teacher` or `student`. */
  readonly phase: string;
  /** From 1. */
  readonly epoch: number;
  /** Steps of the phase done, from 1. */
  readonly step: number;
  /** Cross-entropy. */
  readonly ce: number;
  /** Unweighted attention losses. */
  readonly at: readonly number[];
  /** Divergence from the teacher's answers, where they are distilled. */
  readonly kd?: number;
  /** Weighted total. */
  readonly loss: number;
  /** Learning rate of the step. */
  readonly lr: number;
  /** Mean over the epoch. */
  readonly imagesPerSecond: number;
  /** On the line of an epoch: accuracy on the held-out images, 0..1. */
  readonly heldOutAccuracy?: number;
}

/** An open run folder. */
export interface RunFolder {
  /** As it was given. */
  readonly path: string;
  /** The present content of `run.json`. */
  readonly record: RunRecord;
  /** Changes `run.json`; results are merged by name, seconds count from the start or resume. */
  update(
    change: { finished?: boolean; results?: Readonly<Record<string, unknown>> },
  ): Promise<void>;
  /** Adds lines to `metrics.jsonl`, in place of what a killed run wrote of these epochs. */
  addMetrics(lines: readonly MetricsLine[]): Promise<void>;
  /** Adds lines and then saves the snapshot that goes with them. */
  saveEpoch(lines: readonly MetricsLine[], snapshot: PhaseSnapshot): Promise<void>;
  /** Writes `NAME.safetensors`. */
  saveModel(name: string, state: StateDict, metadata?: ReadonlyMap<string, string>): Promise<void>;
  /** Reads `NAME.safetensors`, if it is there. */
  readModel(name: string): Promise<StateDict | undefined>;
  /** The last snapshot, if there is one. */
  readSnapshot(): Promise<PhaseSnapshot | undefined>;
}

const RECORD = "run.json";
const METRICS = "metrics.jsonl";
const SNAPSHOT = "checkpoint/training.safetensors";

/**
 * Makes the folder of a new run.
 *
 * @throws {UsageError} where it holds a run already.
 * @throws {FormatError} where it cannot be written.
 */
export async function createRunFolder(
  path: string,
  run: Pick<RunRecord, "command" | "adapter" | "settings">,
): Promise<RunFolder> {
  if (await readIfThere(`${path}/${RECORD}`) !== undefined) {
    throw new UsageError(
      `cannot start a run in ${path}: it holds a run already; go on with it by --resume ${path}, ` +
        "or choose another --out",
    );
  }
  try {
    await Deno.mkdir(`${path}/checkpoint`, { recursive: true });
  } catch (error) {
    const reason = messageOf(error);
    throw new FormatError(`cannot make the run folder ${path}: ${reason}`, { cause: error });
  }
  const folder = runFolder(path, {
    ...run,
    lethe: VERSION,
    deno: Deno.version.deno,
    started: new Date().toISOString(),
    finished: false,
    seconds: 0,
    results: {},
  });
  await folder.update({});
  return folder;
}

/**
 * Opens the folder of an earlier run.
 *
 * @param purpose What is to be done with the run, for the messages.
 * @throws {FormatError} where there is none, or its record cannot be read.
 */
export async function openRunFolder(
  path: string,
  command: string,
  purpose = "resume",
): Promise<RunFolder> {
  const text = await readIfThere(`${path}/${RECORD}`);
  if (text === undefined) {
    throw new FormatError(`cannot ${purpose} ${path}: found no ${RECORD} in it`);
  }
  let record: RunRecord;
  try {
    record = JSON.parse(new TextDecoder().decode(text));
  } catch (error) {
    throw new FormatError(`cannot ${purpose} ${path}: its ${RECORD} is damaged`, { cause: error });
  }
  const { settings, results, seconds } = record ?? {};
  if (!isObject(settings) || !isObject(results) || typeof seconds !== "number") {
    throw new FormatError(`cannot ${purpose} ${path}: its ${RECORD} is not the record of a run`);
  }
  if (record.command !== command) {
    throw new FormatError(
      `cannot ${purpose} ${path}: it is a run of ${record.command}, expected one of ${command}`,
    );
  }
  return runFolder(path, record);
}

function runFolder(path: string, initial: RunRecord): RunFolder {
  let record = initial;
  const addMetrics = async (lines: readonly MetricsLine[]) => {
    const file = `${path}/${METRICS}`;
    const earlier = new TextDecoder().decode(await readIfThere(file) ?? new Uint8Array());
    const kept = earlier.split("\n").filter((line) => line !== "" && isBefore(line, lines[0]));
    const added = lines.map((line) => JSON.stringify(line));
    await writeText(file, [...kept, ...added].join("\n") + "\n");
  };
  const earlierSeconds = initial.seconds;
  const start = performance.now();
  return {
    path,
    get record() {
      return record;
    },
    async update(change) {
      const seconds = earlierSeconds + (performance.now() - start) / 1000;
      const results = { ...record.results, ...change.results };
      record = { ...record, ...change, seconds, results };
      await writeText(`${path}/${RECORD}`, JSON.stringify(record, null, 2) + "\n");
    },
    addMetrics,
    async saveEpoch(lines, snapshot) {
      await addMetrics(lines);
      await writeFileAtomic(`${path}/${SNAPSHOT}`, encodeSnapshot(snapshot));
    },
    async saveModel(name, state, metadata) {
      await writeFileAtomic(`${path}/${name}.safetensors`, writeSafetensors(state, metadata));
    },
    async readModel(name) {
      const file = `${path}/${name}.safetensors`;
      const bytes = await readIfThere(file);
      return bytes && readSafetensors(bytes, file).tensors;
    },
    async readSnapshot() {
      const file = `${path}/${SNAPSHOT}`;
      const bytes = await readIfThere(file);
      return bytes && decodeSnapshot(bytes, file);
    },
  };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** False for a line that a killed run wrote for an epoch that is now trained again. */
function isBefore(text: string, next: MetricsLine | undefined): boolean {
  const line = JSON.parse(text) as MetricsLine;
  return !next || line.phase !== next.phase || line.epoch < next.epoch;
}

async function writeText(path: string, text: string): Promise<void> {
  await writeFileAtomic(path, new TextEncoder().encode(text));
}

async function readIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    const reason = messageOf(error);
    throw new FormatError(`cannot read ${path}: ${reason}`, { cause: error });
  }
}
