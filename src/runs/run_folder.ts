/**
 * A run as it is written: settings, metrics, models and what a resume needs. Every file is replaced
 * as a whole or added to, so a run that is killed at any moment leaves a place from which it can go
 * on; and what a resume reads has its digest on record, so that damage ends in a message and not in
 * another network.
 */

import { FormatError, UsageError } from "../errors.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import { writeSafetensors } from "../formats/safetensors.ts";
import { shown } from "../text/quoted.ts";
import type { PhaseSnapshot } from "../train/train.ts";
import { VERSION } from "../version.ts";
import { sha256 } from "./digest.ts";
import type { MetricsLine } from "./metrics.ts";
import { type MetricsFile, openMetrics, wholeMetrics } from "./metrics_file.ts";
import {
  METRICS,
  MOST_TENSORS,
  MOST_TEXT,
  readRecord,
  readRunFile,
  readRunModel,
  RECORD,
  SNAPSHOT,
} from "./run_files.ts";
import {
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
    const metrics = await openMetrics(store, await wholeMetrics(store, read.record, attempt));
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

function runFolder(
  store: Store,
  initial: RunRecord,
  metrics: MetricsFile,
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
