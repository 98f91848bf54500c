/** What becomes of repeated measurements: their median, and how far they scatter. */

/** Several measurements of one quantity. */
export interface Summary {
  /** Half of the measurements lie below. */
  readonly median: number;
  /** Half the distance between the quartiles as a share of the median; 0 for one measurement. */
  readonly spread: number;
}

/**
 * The value below which the share `p` of `values` lies, interpolated between neighbours.
 *
 * @throws {RangeError} where there are no values.
 */
export function quantile(values: readonly number[], p: number): number {
  if (values.length === 0) throw new RangeError("cannot summarize: expected at least one value");
  const sorted = values.toSorted((a, b) => a - b);
  const position = p * (sorted.length - 1);
  const below = sorted[Math.floor(position)]!;
  const above = sorted[Math.ceil(position)]!;
  return below + (above - below) * (position - Math.floor(position));
}

/** Median and spread; throws `RangeError` where there are no values. */
export function summarize(values: readonly number[]): Summary {
  const median = quantile(values, 0.5);
  return { median, spread: (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / median };
}

/** How far a run had come at a fence. */
export interface Progress {
  /** Steps done since the start. */
  readonly steps: number;
  /** Time since the start. */
  readonly milliseconds: number;
}

/** Stretches at the start of a run that have few steps each, before its speed is known. */
const RAMP = 2;

/**
 * The stretches between fences that are worth measuring: all but the first two, which count only
 * where there is no other.
 */
export function measuredStretches(
  fences: readonly Progress[],
): { readonly times: number[]; readonly seconds: number } {
  const skipped = fences.length > RAMP ? RAMP : 0;
  const points = [{ steps: 0, milliseconds: 0 }, ...fences].slice(skipped);
  const times = points.slice(1).map(({ steps, milliseconds }, i) => {
    const before = points[i]!;
    return (milliseconds - before.milliseconds) / (steps - before.steps);
  });
  const duration = (points.at(-1)?.milliseconds ?? 0) - (points[0]?.milliseconds ?? 0);
  return { times, seconds: duration / 1000 };
}
