/**
 * How far a class stands out from the others, by the median absolute deviation: Wang et al., "Neural
 * Cleanse" (IEEE S&P 2019), section IV-A; 1.4826 makes it a standard deviation for normal values
 * (Hampel, 1974).
 */

/** The MAD of normal values times this is their standard deviation. */
const CONSISTENCY = 1.4826;

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle]!;
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2;
}

/**
 * (value - median) / (1.4826 MAD) of each value.
 *
 * @param leastSpread Divides instead where the values lie closer together than that.
 */
export function robustDeviations(values: readonly number[], leastSpread: number): number[] {
  const centre = median(values);
  const deviation = CONSISTENCY * median(values.map((value) => Math.abs(value - centre)));
  return values.map((value) => (value - centre) / Math.max(deviation, leastSpread));
}
