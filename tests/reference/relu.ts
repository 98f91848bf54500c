/** The positive part, and its gradient, which is 0 at 0. */

/** max(x, 0). */
export function relu(x: ArrayLike<number>): Float64Array {
  return Float64Array.from(x, (value) => value > 0 ? value : 0);
}

/** dx. */
export function reluGradient(x: ArrayLike<number>, dy: ArrayLike<number>): Float64Array {
  return Float64Array.from(x, (value, i) => value > 0 ? dy[i]! : 0);
}
