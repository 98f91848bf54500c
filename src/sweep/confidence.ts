/** Means with 95 % confidence intervals from a few values, by Student's t distribution. */

/** A mean and how far it can be trusted. */
export interface Summary {
  /** Number of values. */
  readonly n: number;
  /** Their mean. */
  readonly mean: number;
  /** Half the width of the 95 % confidence interval; null for a single value, which has none. */
  readonly halfWidth: number | null;
}

/** The interval holds the true mean in this share of cases, if values are normally distributed. */
const CONFIDENCE = 0.95;

/**
 * The mean of independent values.
 *
 * @throws {RangeError} where there are none.
 */
export function summarize(values: readonly number[]): Summary {
  const n = values.length;
  if (n === 0) throw new RangeError("cannot summarize: expected at least one value");
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { n, mean, halfWidth: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardError = Math.sqrt(squares / (n - 1) / n);
  return { n, mean, halfWidth: criticalT(n - 1) * standardError };
}

/** The t that |T| stays below in 95 % of cases, T of Student's distribution; 12.706 for 1 degree. */
export function criticalT(degrees: number): number {
  let [low, high] = [0, 16];
  // 50 halvings leave less than the last bit of a double.
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (withinShare(middle, degrees) < CONFIDENCE) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * P(|T| < t) for a whole number of degrees of freedom: Abramowitz & Stegun, "Handbook of
 * Mathematical Functions" (1964), 26.7.3 and 26.7.4.
 */
function withinShare(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees));
  const cosine = Math.cos(angle);
  const odd = degrees % 2 === 1;
  let term = odd ? cosine : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k < degrees; k += 2) {
    term *= (k - 1) / k * cosine ** 2;
    sum += term;
  }
  return odd ? 2 / Math.PI * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
}
