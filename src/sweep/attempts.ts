/**
 * Attempts at a cell, and with them the right to run it. Attempt n is the lock file
 * `attempts/n.lock`, made with `createNew` and so by one process only, and its record
 * `attempts/n.json`, which says who made it and how it ended. The last attempt holds the cell until
 * it has ended or its owner is dead. Files are never removed and numbers only rise, so of several
 * processes that find a dead owner one makes the next attempt, whatever the order of events.
 *
 * An owner is dead where it ran on this machine and the system has released its advisory lock, or
 * where its heartbeat, the time of change of the lock file, has stood still for a while. The while is
 * measured on the observer's own clock, so clocks need not agree.
 */

import { FormatError, messageOf } from "../errors.ts";
import { makeFolder, writeFileAtomic } from "../formats/write_file.ts";
import { readFailure } from "../formats/read_file.ts";
import { folderStore } from "../runs/folder_store.ts";
import { check, object, oneOf, optional, type Schema, text, truth, whole } from "../runs/schema.ts";
import { parseJson } from "../formats/json.ts";
import { shown } from "../text/quoted.ts";

/** How an attempt ended. */
export interface AttemptEnd {
  /** `interrupted` is no failure: somebody stopped the sweep. */
  readonly outcome: "finished" | "failed" | "interrupted";
  /** Whether it had taken up the run folder of an earlier attempt. */
  readonly resumed: boolean;
  /** Of the cell's process, where there was one. */
  readonly exitCode?: number | undefined;
  /** Why it failed. */
  readonly message?: string | undefined;
  /** ISO 8601. */
  readonly time: string;
}

/** What `attempts/n.json` holds. */
export interface AttemptRecord {
  /** Name of the machine. */
  readonly host: string;
  /** Number of the sweep's process. */
  readonly pid: number;
  /** ISO 8601. */
  readonly started: string;
  /** Whether the owner holds the system's advisory lock. */
  readonly locked: boolean;
  /** Absent while the attempt goes on, and for good where its owner was killed. */
  readonly ended?: AttemptEnd;
}

/** An attempt on disk. */
export interface Attempt {
  /** From 1. */
  readonly number: number;
  /** Absent for a moment while it is made. */
  readonly record: AttemptRecord | undefined;
}

/** Intervals of heartbeats. */
export interface Heartbeat {
  /** Between two beats. */
  readonly milliseconds: number;
  /** Without a beat after which an owner on another machine counts as dead. */
  readonly staleMilliseconds: number;
}

/** Network file systems may show a change up to a minute late. */
export const HEARTBEAT: Heartbeat = { milliseconds: 10_000, staleMilliseconds: 150_000 };

/** The right to run a cell. */
export interface Claim {
  /** Number of the attempt. */
  readonly number: number;
  /** How the attempt before it ended, as far as it did. */
  readonly previous: AttemptEnd | undefined;
  /** Aborted where another process took this one for dead and went on in its place. */
  readonly lost: AbortSignal;
  /** Says how the attempt ended and gives the cell back. */
  end(result: Omit<AttemptEnd, "time">): Promise<void>;
}

const folderOf = (cell: string) => `${cell}/attempts`;
const lockPath = (cell: string, number: number) => `${folderOf(cell)}/${number}.lock`;
const recordPath = (cell: string, number: number) => `${folderOf(cell)}/${number}.json`;

/** All attempts at the cell in folder `cell`, in order. */
export async function readAttempts(cell: string): Promise<Attempt[]> {
  const numbers: number[] = [];
  try {
    for await (const { name } of Deno.readDir(folderOf(cell))) {
      const number = /^([1-9]\d*)\.lock$/.exec(name)?.[1];
      if (number !== undefined) numbers.push(Number(number));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw readFailure(`cannot read ${shown(folderOf(cell))}`, error);
    }
  }
  numbers.sort((a, b) => a - b);
  return await Promise.all(
    numbers.map(async (number) => ({ number, record: await readRecord(cell, number) })),
  );
}

const endSchema: Schema<AttemptEnd> = object<AttemptEnd>({
  outcome: oneOf("finished", "failed", "interrupted"),
  resumed: truth,
  exitCode: optional(whole(0)),
  message: optional(text),
  time: text,
});

const recordSchema: Schema<AttemptRecord> = object<AttemptRecord>({
  host: text,
  pid: whole(0),
  started: text,
  locked: truth,
  ended: optional(endSchema),
});

/** Most bytes of a record: its message is the end of what a process printed. */
const MOST_BYTES = 2 ** 20;

async function readRecord(cell: string, number: number): Promise<AttemptRecord | undefined> {
  const bytes = await folderStore(folderOf(cell)).read(`${number}.json`, MOST_BYTES);
  if (!bytes) return undefined;
  const attempt = `cannot read ${shown(recordPath(cell, number))}`;
  return check(recordSchema, parseJson(new TextDecoder().decode(bytes), attempt), attempt);
}

/** Tells attempts whose owners are dead; keeps the beats that it has seen. */
export class DeathWatch {
  readonly #seen = new Map<string, { beat: number; at: number }>();
  readonly #host: string;
  readonly #staleMilliseconds: number;

  /**
   * A watch that has seen nothing yet.
   *
   * @param host Name of this machine.
   * @param staleMilliseconds Without a beat after which an owner elsewhere counts as dead.
   */
  constructor(host: string, staleMilliseconds: number) {
    this.#host = host;
    this.#staleMilliseconds = staleMilliseconds;
  }

  /** Whether the owner of an attempt that has not ended is dead, as far as can be told yet. */
  async isDead(cell: string, { number, record }: Attempt): Promise<boolean> {
    const path = lockPath(cell, number);
    try {
      if (record?.locked && record.host === this.#host) return await isUnlocked(path);
      return this.#isStale(path, (await Deno.stat(path)).mtime?.getTime() ?? 0);
    } catch (error) {
      throw readFailure(`cannot look at the lock ${shown(path)}`, error);
    }
  }

  #isStale(path: string, beat: number): boolean {
    const seen = this.#seen.get(path);
    if (seen?.beat === beat) return performance.now() - seen.at > this.#staleMilliseconds;
    this.#seen.set(path, { beat, at: performance.now() });
    return false;
  }
}

/** Whether no living process of this machine holds the advisory lock. */
async function isUnlocked(path: string): Promise<boolean> {
  using file = await Deno.open(path, { read: true, write: true });
  return await file.tryLock(true);
}

/**
 * Takes the right to run a cell, or returns undefined where another process has it.
 *
 * @param owner Of the attempt.
 */
export async function claimCell(
  cell: string,
  owner: Pick<AttemptRecord, "host" | "pid">,
  options: { watch: DeathWatch; heartbeat: Heartbeat },
): Promise<Claim | undefined> {
  const last = (await readAttempts(cell)).at(-1);
  const free = !last || last.record?.ended !== undefined || await options.watch.isDead(cell, last);
  if (!free) return undefined;
  const number = (last?.number ?? 0) + 1;
  await makeFolder(folderOf(cell));
  const lock = await createLock(lockPath(cell, number));
  if (!lock) return undefined;
  const record: AttemptRecord = {
    ...owner,
    started: new Date().toISOString(),
    // Some network file systems have no locks; heartbeats do for them.
    locked: await lock.tryLock(true).catch(() => false),
  };
  await writeRecord(cell, number, record);
  const lost = new AbortController();
  const timer = setInterval(async () => {
    const taken = await exists(lockPath(cell, number + 1));
    const beating = !taken &&
      await lock.utime(new Date(), new Date()).then(() => true, () => false);
    if (!beating) lost.abort();
  }, options.heartbeat.milliseconds);
  return {
    number,
    previous: last?.record?.ended,
    lost: lost.signal,
    async end(result) {
      clearInterval(timer);
      const ended = { ...result, time: new Date().toISOString() };
      await writeRecord(cell, number, { ...record, ended });
      lock.close();
    },
  };
}

async function createLock(path: string): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path, { createNew: true, write: true });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    const reason = messageOf(error);
    throw new FormatError(`cannot make the lock ${path}: ${reason}`, { cause: error });
  }
}

async function writeRecord(cell: string, number: number, record: AttemptRecord): Promise<void> {
  const text = JSON.stringify(record, null, 2) + "\n";
  await writeFileAtomic(recordPath(cell, number), new TextEncoder().encode(text));
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
