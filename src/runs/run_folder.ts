/**
 * A run as it is written: settings, metrics, models and what a resume needs. Every file is replaced
 * as a whole or added to, so a run that is killed at any moment leaves a place from which it can go
 * on; and what a resume reads has its digest on record, so that damage ends in a message and not in
 * another network.
 */

import { FormatError, UsageError } from "../errors.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import { readSafetensors, writeSafetensors } from "../formats/safetensors.ts";
import { shown } from "../text/quoted.ts";
import type { PhaseSnapshot } from "../train/train.ts";
import { VERSION } from "../version.ts";
import { GrowingDigest, sha256 } from "./digest.ts";
import { decodeMetrics, encodeMetrics, type MetricsLine } from "./metrics.ts";
import {
  decodeRecord,
  encodeRecord,
  expectCommand,
  expectIntact,
  type ReadRecord,
  type RunRecord,
} from "./run_record.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot_file.ts";
import type { Store } from "./store.ts";

/** An open run. */
export interface RunFolder {
  /** Where it lies. */
  readonly path: string;
  /** The present content of `run.json`. */
  readonly record: RunRecord;
  /** What whoever resumes it should know: another version, no checksums. */
  readonly warnings: readonly string[];
  /** Changes `run.json`; results are merged by name, seconds count from the start or resume. */
  update(
    change: { finished?: boolean; results?: Readonly<Record<string, unknown>> },
  ): Promise<void>;
  /** Adds lines to `metrics.jsonl`, in place of what a killed run wrote of these epochs. */
  addMetrics(lines: readonly MetricsLine[]): Promise<void>;
  /** Adds lines and then saves the snapshot that goes with them. */
  saveEpoch(lines: readonly MetricsLine[], snapshot: PhaseSnapshot): Promise<void>;
  /** Writes a file and puts its digest on record. */
  saveFile(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Writes `NAME.safetensors`, and puts its digest on record. */
  saveModel(name: string, state: StateDict, metadata?: ReadonlyMap<string, string>): Promise<void>;
  /** Reads what `saveFile` wrote; undefined where the run has not come so far. */
  readFile(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Reads what `saveModel` wrote; undefined where the run has not come so far. */
  readModel(name: string): Promise<StateDict | undefined>;
  /** The last snapshot, if there is one. */
  readSnapshot(): Promise<PhaseSnapshot | undefined>;
  /** Ends the writing; others may then resume the run. */
  close(): void;
  /** Ends the writing and removes a run that has come to nothing: no epoch, no network. */
  discard(): Promise<void>;
}

const RECORD = "run.json";
const METRICS = "metrics.jsonl";
const SNAPSHOT = "checkpoint/training.safetensors";

/** Most bytes of files that hold text, and of those that hold tensors. */
const MOST_TEXT = 256 * 2 ** 20;
const MOST_TENSORS = 64 * 2 ** 30;

/**
 * Begins a run.
 *
 * @param store Reserved for it; closed where the run cannot begin.
 * @throws {UsageError} where it holds a run already.
 * @throws {FormatError} where it cannot be written.
 */
export async function createRun(
  store: Store,
  run: Pick<RunRecord, "command" | "adapter" | "deno" | "settings" | "images">,
): Promise<RunFolder> {
  return await closingOnFailure(store, async () => {
    if (await store.read(RECORD, MOST_TEXT)) {
      throw new UsageError(
        `cannot start a run in ${store.path}: it holds a run already; go on with it by --resume ` +
          `${store.path}, or choose another --out`,
      );
    }
    const record: RunRecord = {
      ...run,
      lethe: VERSION,
      started: new Date().toISOString(),
      finished: false,
      seconds: 0,
      results: {},
    };
    const folder = runFolder(store, record, await openMetrics(store), []);
    await folder.update({});
    return folder;
  });
}

/**
 * Goes on with a run.
 *
 * @param store Taken for it; closed where the run cannot go on.
 * @throws {FormatError} where it holds no run of `command`, or is damaged.
 */
export async function resumeRun(
  store: Store,
  command: string,
  { deno }: Pick<RunRecord, "deno">,
): Promise<RunFolder> {
  const attempt = `cannot resume ${shown(store.path)}`;
  return await closingOnFailure(store, async () => {
    const read = await readRecord(store, attempt);
    expectCommand(read.record, command, attempt);
    expectIntact(read, attempt);
    const metrics = await openMetrics(store, await metricsOf(store, read, attempt));
    const warnings = warningsOf(store, read, deno);
    const files = read.intact === undefined ? await digestsOf(store) : read.record.files ?? {};
    const record = { ...read.record, files, metrics: await metrics.digest() };
    const folder = runFolder(store, record, metrics, warnings);
    await folder.update({});
    return folder;
  });
}

async function closingOnFailure<T>(store: Store, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    store.close();
    throw error;
  }
}

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

function warningsOf({ path }: Store, { record, intact }: ReadRecord, deno: string): string[] {
  const warnings: string[] = [];
  if (intact === undefined) {
    warnings.push(
      `warning: ${
        shown(path)
      } was begun by a version that kept no checksums; damage to its files ` +
        "would not be noticed",
    );
  }
  if (record.lethe !== VERSION || record.deno !== deno) {
    warnings.push(
      `warning: ${shown(path)} was begun by Lethe ${shown(record.lethe)} with Deno ` +
        `${
          shown(record.deno)
        }, and goes on by ${VERSION} with ${deno}: the result may differ from ` +
        "that of a run in one piece",
    );
  }
  return warnings;
}

/** Digests of the models and the snapshot of a run that an earlier version began. */
async function digestsOf(store: Store): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const name of await store.list()) {
    if (!name.endsWith(".safetensors")) continue;
    digests[name] = await sha256(await store.read(name, MOST_TENSORS) ?? new Uint8Array(0));
  }
  return digests;
}

/** The metrics as far as they are whole: a killed run may have left half a line. */
async function metricsOf(
  store: Store,
  { record: { metrics } }: ReadRecord,
  attempt: string,
): Promise<MetricsText> {
  const bytes = await store.read(METRICS, MOST_TEXT);
  if (!bytes) return { bytes: new Uint8Array(0), lines: [] };
  const name = `${store.path}/${METRICS}`;
  const decode = (part: Uint8Array<ArrayBuffer>) => ({
    bytes: part,
    lines: decodeMetrics(new TextDecoder().decode(part), name),
  });
  const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
  if (!metrics) return decode(whole);
  const digest = new GrowingDigest();
  const first = bytes.subarray(0, metrics.bytes);
  await digest.add(first);
  if (first.length < metrics.bytes || await digest.value() !== metrics.sha256) {
    throw new FormatError(
      `${attempt}: its ${METRICS} has changed since it was written (its checksum differs); bring ` +
        "back the file as it was, or remove it to go on without its lines",
    );
  }
  try {
    return decode(whole);
  } catch (error) {
    if (error instanceof FormatError) return decode(first);
    throw error;
  }
}

/** Lines of metrics as they stand in the file. */
interface MetricsText {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lines: readonly MetricsLine[];
}

/** `metrics.jsonl` as a file that grows. */
interface Metrics {
  /** Its digest, for the record. */
  digest(): Promise<NonNullable<RunRecord["metrics"]>>;
  /** Whether it has lines of an epoch that is now trained again. */
  holds(line: MetricsLine): boolean;
  /** Adds lines. */
  add(lines: readonly MetricsLine[]): Promise<void>;
  /** Writes the file without the lines from that of an epoch on. */
  removeFrom(line: MetricsLine): Promise<void>;
}

/** @param found What of the file counts; what else is in it goes with the next addition. */
async function openMetrics(store: Store, found?: MetricsText): Promise<Metrics> {
  let size = 0;
  let digest = new GrowingDigest();
  const lastEpochs = new Map<string, number>();
  const count = async ({ bytes, lines }: MetricsText) => {
    size += bytes.length;
    await digest.add(bytes);
    for (const { phase, epoch } of lines) lastEpochs.set(phase, epoch);
  };
  const textOf = (lines: readonly MetricsLine[]) => ({
    bytes: new TextEncoder().encode(encodeMetrics(lines)),
    lines,
  });
  if (found) await count(found);
  return {
    digest: async () => ({ bytes: size, sha256: await digest.value() }),
    holds: ({ phase, epoch }) => (lastEpochs.get(phase) ?? 0) >= epoch,
    async add(lines) {
      const added = textOf(lines);
      await store.append(METRICS, size, added.bytes);
      await count(added);
    },
    async removeFrom({ phase, epoch }) {
      const bytes = (await store.read(METRICS, MOST_TEXT))?.subarray(0, size);
      const lines = decodeMetrics(new TextDecoder().decode(bytes), `${store.path}/${METRICS}`);
      const kept = textOf(lines.filter((line) => line.phase !== phase || line.epoch < epoch));
      await store.write(METRICS, kept.bytes);
      [size, digest] = [0, new GrowingDigest()];
      lastEpochs.clear();
      await count(kept);
    },
  };
}

function runFolder(
  store: Store,
  initial: RunRecord,
  metrics: Metrics,
  warnings: readonly string[],
): RunFolder {
  let record = initial;
  let trained = false;
  const start = performance.now();
  const write = async (change: Partial<RunRecord>) => {
    const seconds = initial.seconds + (performance.now() - start) / 1000;
    record = { ...record, ...change, seconds };
    await store.write(RECORD, new TextEncoder().encode(await encodeRecord(record)));
  };
  const addMetrics = async (lines: readonly MetricsLine[]) => {
    const [first] = lines;
    if (first && metrics.holds(first)) {
      // A kill between the two leaves a record that states nothing of the file.
      const { metrics: _, ...rest } = record;
      record = rest;
      await write({});
      await metrics.removeFrom(first);
    }
    await metrics.add(lines);
  };
  const saveFile = async (name: string, bytes: Uint8Array<ArrayBuffer>) => {
    await store.write(name, bytes);
    await write({ files: { ...record.files, [name]: await sha256(bytes) } });
  };
  const readFile = (name: string) => readRunFile(store, { record, intact: true }, name);
  return {
    path: store.path,
    warnings,
    get record() {
      return record;
    },
    async update({ results, ...change }) {
      await write({ ...change, results: { ...record.results, ...results } });
    },
    async addMetrics(lines) {
      await addMetrics(lines);
      await write({ metrics: await metrics.digest() });
    },
    async saveEpoch(lines, snapshot) {
      trained = true;
      await addMetrics(lines);
      await store.write(SNAPSHOT, await encodeSnapshot(snapshot));
      await write({ metrics: await metrics.digest() });
    },
    saveFile,
    async saveModel(name, state, metadata) {
      trained = true;
      await saveFile(`${name}.safetensors`, writeSafetensors(state, metadata));
    },
    readFile,
    readModel: (name) => readRunModel(store, { record, intact: true }, name),
    async readSnapshot() {
      const bytes = await store.read(SNAPSHOT, MOST_TENSORS);
      if (!bytes) return undefined;
      const source = `${store.path}/${SNAPSHOT}`;
      const { snapshot, checked } = await decodeSnapshot(bytes, source);
      if (checked || record.files?.[SNAPSHOT] === await sha256(bytes)) return snapshot;
      throw new FormatError(
        `cannot resume from ${shown(source)}: it has no checksum, which a run like this one writes`,
      );
    },
    close: () => store.close(),
    async discard() {
      if (trained) return store.close();
      for (const name of [RECORD, METRICS, ...Object.keys(record.files ?? {})]) {
        await store.remove(name);
      }
      await store.discard();
    },
  };
}
