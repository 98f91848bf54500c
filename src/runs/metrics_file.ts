/** `metrics.jsonl` on its way: it is added to, and a resumed run puts its lines in place of others. */

import { FormatError } from "../errors.ts";
import { GrowingDigest } from "./digest.ts";
import { decodeMetrics, encodeMetrics, type MetricsLine } from "./metrics.ts";
import { METRICS, MOST_TEXT } from "./run_files.ts";
import type { RunRecord } from "./run_record.ts";
import type { Store } from "./store.ts";

/** Lines of metrics as they stand in the file. */
export interface MetricsText {
  /** As they stand there. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What they say. */
  readonly lines: readonly MetricsLine[];
}

/**
 * The metrics of a run that is resumed, as far as they are whole: a kill may have left half a line.
 *
 * @param attempt Begins the message, for example `cannot resume runs/erase-1`.
 * @throws {FormatError} where they are not what was written.
 */
export async function wholeMetrics(
  store: Store,
  { metrics }: RunRecord,
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

/** `metrics.jsonl` as a file that grows. */
export interface MetricsFile {
  /** Its digest, for the record. */
  digest(): Promise<NonNullable<RunRecord["metrics"]>>;
  /** Whether it has lines of an epoch that is now trained again. */
  holds(line: MetricsLine): boolean;
  /** Adds lines. */
  add(lines: readonly MetricsLine[]): Promise<void>;
  /** Writes the file without the lines from that of an epoch on. */
  removeFrom(line: MetricsLine): Promise<void>;
}

/**
 * Opens the metrics of a new run, or of one that is resumed.
 *
 * @param found What of the file counts; what else is in it goes with the next addition.
 */
export async function openMetrics(store: Store, found?: MetricsText): Promise<MetricsFile> {
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
