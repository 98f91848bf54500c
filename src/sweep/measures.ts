/** What a cell is judged by. Shares of images, 0..1. */

import type { EvaluationDocument } from "../runs/evaluation.ts";
import type { CellResult } from "./cell_folder.ts";
import type { Share } from "../train/confusion.ts";
import { summarize, type Summary } from "./confidence.ts";

/** Names of all measures, in the order of tables. */
export const MEASURES = [
  "accuracyBefore",
  "accuracy",
  "attackSuccessBefore",
  "attackSuccess",
  "recovered",
  "ofCeiling",
  "der",
  "rir",
] as const;

/** Name of a measure. */
export type Measure = typeof MEASURES[number];

/** Headings, the abbreviations being those of BackdoorBench. */
export const MEASURE_TITLES: Readonly<Record<Measure, string>> = {
  accuracyBefore: "accuracy before",
  accuracy: "accuracy",
  attackSuccessBefore: "attack success before",
  attackSuccess: "attack success",
  recovered: "recovered accuracy",
  ofCeiling: "of the ceiling",
  der: "DER",
  rir: "RIR",
};

/** Measures of a cell; those that were not measured are missing. */
export type Measures = Partial<Record<Measure, number>>;

/**
 * The measures of a result. As in BackdoorBench, DER is `(max(0, ΔASR) - max(0, ΔACC) + 1) / 2`,
 * where Δ is what the defence takes away of attack success and accuracy (Zhu et al., "Enhancing
 * Fine-Tuning Based Backdoor Defense with Sharpness-Aware Minimization", ICCV 2023), and RIR has in
 * place of ΔASR what it adds to recovered accuracy.
 *
 * @param ceiling What a clean network comes to on the same triggered images, where that is known.
 */
export function measuresOf({ before, after }: CellResult, ceiling?: EvaluationDocument): Measures {
  const [was, is] = before.attack && after.attack ? [before.attack, after.attack] : [];
  const lost = decrease(before.accuracy, after.accuracy);
  const success = decrease(was?.successRate, is?.successRate);
  const gain = decrease(is?.recoveredAccuracy, was?.recoveredAccuracy);
  const most = ceiling?.attack?.recoveredAccuracy;
  const measures: Readonly<Record<Measure, Share | undefined>> = {
    accuracyBefore: before.accuracy,
    accuracy: after.accuracy,
    attackSuccessBefore: was?.successRate,
    attackSuccess: is?.successRate,
    recovered: is?.recoveredAccuracy,
    ofCeiling: isMeasured(is?.recoveredAccuracy) && most ? is.recoveredAccuracy / most : undefined,
    der: isMeasured(success) && isMeasured(lost) ? (success - lost + 1) / 2 : undefined,
    rir: isMeasured(gain) && isMeasured(lost) ? (gain - lost + 1) / 2 : undefined,
  };
  return Object.fromEntries(
    Object.entries(measures).filter((entry): entry is [Measure, number] => isMeasured(entry[1])),
  );
}

function isMeasured(share: Share | undefined): share is number {
  return typeof share === "number";
}

/** By how much `after` is below `before`, at least 0; undefined where one was not measured. */
function decrease(before: Share | undefined, after: Share | undefined): number | undefined {
  return isMeasured(before) && isMeasured(after) ? Math.max(0, before - after) : undefined;
}

/** Summaries of the measures that all of the given cells have. */
export type Summaries = Partial<Readonly<Record<Measure, Summary>>>;

/** Summarizes each measure over cells. */
export function summarizeMeasures(cells: readonly Measures[]): Summaries {
  return forMeasures((measure) => allDefined(cells.map((cell) => cell[measure])));
}

/** Means of each measure over cells. */
export function meanMeasures(cells: readonly Measures[]): Measures {
  const summaries = summarizeMeasures(cells);
  return Object.fromEntries(
    Object.entries(summaries).map(([measure, { mean }]) => [measure, mean]),
  );
}

/** Summarizes each measure's difference within pairs, the first minus the second. */
export function summarizeDifferences(
  pairs: readonly (readonly [Measures, Measures])[],
): Summaries {
  return forMeasures((measure) =>
    allDefined(pairs.map(([a, b]) => {
      const [x, y] = [a[measure], b[measure]];
      return x === undefined || y === undefined ? undefined : x - y;
    }))
  );
}

function forMeasures(valuesOf: (measure: Measure) => readonly number[] | undefined): Summaries {
  return Object.fromEntries(MEASURES.flatMap((measure) => {
    const values = valuesOf(measure);
    return values && values.length > 0 ? [[measure, summarize(values)]] : [];
  }));
}

function allDefined(values: readonly (number | undefined)[]): readonly number[] | undefined {
  return values.every((value): value is number => value !== undefined) ? values : undefined;
}
