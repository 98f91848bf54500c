/** How far a share of images can be trusted. */

/** The ends of an interval, shares 0..1. */
export type Interval = readonly [low: number, high: number];

/** |Z| stays below this in 95 % of cases, Z of the normal distribution. */
const CRITICAL = 1.959963984540054;

/**
 * Wilson's 95 % interval of a share, "Probable inference, the law of succession, and statistical
 * inference" (1927): unlike the mean plus and minus its error it holds for few images, and for shares
 * near 0 and 1. Null of no images.
 */
export function wilsonInterval(part: number, whole: number): Interval | null {
  if (whole === 0) return null;
  const share = part / whole;
  const weight = CRITICAL ** 2 / whole;
  const centre = share + weight / 2;
  const half = CRITICAL * Math.sqrt(share * (1 - share) / whole + weight / whole / 4);
  return [
    part === 0 ? 0 : (centre - half) / (1 + weight),
    part === whole ? 1 : (centre + half) / (1 + weight),
  ];
}
