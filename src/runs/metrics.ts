/** `metrics.jsonl`: the course of training, a line an epoch or logged step. */

import { FormatError } from "../errors.ts";
import { parseJson } from "../formats/json.ts";
import { list, matching, number, object, optional, type Schema, text, whole } from "./schema.ts";

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

/** More taps than any network has. */
const MOST_TAPS = 64;

/** Losses come out of float32: a number beyond that is damaged. */
const finite = number(-1e39, 1e39);

const lineSchema: Schema<MetricsLine> = object<MetricsLine>({
  phase: text,
  epoch: whole(1),
  step: whole(1),
  ce: finite,
  at: list(finite, MOST_TAPS),
  kd: optional(finite),
  loss: finite,
  lr: finite,
  imagesPerSecond: number(0, 1e39),
  heldOutAccuracy: optional(number(0, 1)),
});

/** The text of lines. */
export function encodeMetrics(lines: readonly MetricsLine[]): string {
  return lines.map((line) => JSON.stringify(line) + "\n").join("");
}

/**
 * The lines of a `metrics.jsonl`.
 *
 * @param file For messages.
 * @throws {FormatError} naming the line that is damaged.
 */
export function decodeMetrics(content: string, file: string): MetricsLine[] {
  const lines: MetricsLine[] = [];
  // One after the other: a list of all their texts would take as much room as the content.
  for (let number = 1, start = 0; start < content.length; number++) {
    const end = content.indexOf("\n", start) < 0 ? content.length : content.indexOf("\n", start);
    const json = content.slice(start, end);
    start = end + 1;
    if (json === "") continue;
    const attempt = `line ${number} of ${file}`;
    const line = matching(lineSchema, parseJson(json, `${attempt} is damaged`));
    if (!line) throw new FormatError(`${attempt} is not a line of metrics`);
    lines.push(line);
  }
  return lines;
}
