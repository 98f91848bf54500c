/** What a cell is judged by. Shares of images, 0..1. */

import type { CellEvaluation, CellResult } from "./cell_folder.ts";
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

/** Measures of a cell; where no attack is measured only the accuracies. */
export type Measures = Partial<Record<Measure, number>>;

/**
 * The measures of a result. As in BackdoorBench, DER is `(max(0, ΔASR) - max(0, ΔACC) + 1) / 2`,
 * where Δ is what the defence takes away of attack success and accuracy (Zhu et al., "Enhancing
 * Fine-Tuning Based Backdoor Defense with Sharpness-Aware Minimization", ICCV 2023), and RIR has in
 * place of ΔASR what it adds to recovered accuracy.
 *
 * @param ceiling What a clean network comes to on the same triggered images, where that is known.
 */
export function measuresOf({ before, after }: CellResult, ceiling?: CellEvaluation): Measures {
  const accuracies = { accuracyBefore: before.accuracy, accuracy: after.accuracy };
  if (!before.attack || !after.attack) return accuracies;
  const lost = Math.max(0, before.accuracy - after.accuracy);
  const success = Math.max(0, before.attack.successRate - after.attack.successRate);
  const gain = Math.max(0, after.attack.recoveredAccuracy - before.attack.recoveredAccuracy);
  return {
    ...accuracies,
    attackSuccessBefore: before.attack.successRate,
    attackSuccess: after.attack.successRate,
    recovered: after.attack.recoveredAccuracy,
    ...ceiling?.attack && ceiling.attack.recoveredAccuracy > 0
      ? { ofCeiling: after.attack.recoveredAccuracy / ceiling.attack.recoveredAccuracy }
      : {},
    der: (success - lost + 1) / 2,
    rir: (gain - lost + 1) / 2,
  };
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
