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
