/** Derivatives by central differences, in float64. */

/** Step for values near 1: the error is of its square, rounding is 1e-16 divided by it. */
const STEP = 1e-5;

/** The gradient of a scalar function of several arrays with respect to `inputs[which]`. */
export function numericalGradient(
  loss: (...inputs: Float64Array[]) => number,
  inputs: readonly ArrayLike<number>[],
  which: number,
): Float64Array {
  const moved = inputs.map((input) => Float64Array.from(input));
  const target = moved[which]!;
  return target.map((value, i) => {
    target[i] = value + STEP;
    const above = loss(...moved);
    target[i] = value - STEP;
    const below = loss(...moved);
    target[i] = value;
    return (above - below) / (2 * STEP);
  });
}

/** Σ a b. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
