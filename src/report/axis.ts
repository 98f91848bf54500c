/** Scales and their ticks. */

/** From values to 0..1 along an axis, with the values to label. */
export interface Axis {
  /** Ascending. */
  readonly ticks: readonly number[];
  /** Where a value lies: 0 at the beginning of the axis, 1 at its end. */
  position(value: number): number;
}

/**
 * Ticks at multiples of 1, 2 or 5 times a power of ten, about `wanted` of them; begins and ends at
 * one.
 *
 * @param finest Least distance of ticks: 1 for what is counted.
 */
export function linearAxis(least: number, most: number, wanted: number, finest = 0): Axis {
  const range = most > least ? most - least : Math.abs(least) || 1;
  const rough = Math.max(finest, range / wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9))!;
  const first = Math.floor(least / step * (1 + 1e-12));
  const last = Math.max(first + 1, Math.ceil(most / step * (1 - 1e-12)));
  return {
    // Rounded, for 3 steps of 0.1 are not 0.3.
    ticks: Array.from(
      { length: last - first + 1 },
      (_, i) => Number(((first + i) * step).toPrecision(12)),
    ),
    position: (value) => (value / step - first) / (last - first),
  };
}

/** Ticks of a logarithmic axis that can be told apart. */
const MOST_POWERS = 12;

/** Ticks at powers of ten, all or every nth; begins and ends at one. Both bounds are above 0. */
export function logarithmicAxis(least: number, most: number): Axis {
  const first = Math.floor(Math.log10(least));
  const range = Math.max(1, Math.ceil(Math.log10(most)) - first);
  const step = Math.ceil(range / MOST_POWERS);
  const last = first + step * Math.ceil(range / step);
  return {
    ticks: Array.from({ length: (last - first) / step + 1 }, (_, i) => 10 ** (first + step * i)),
    position: (value) => (Math.log10(value) - first) / (last - first),
  };
}
