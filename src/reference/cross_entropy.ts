/** Softmax cross-entropy in float64. */

/** Row `n` of logits (N,K) as probabilities. */
export function softmax(logits: ArrayLike<number>, classes: number, n: number): number[] {
  const row = Array.from({ length: classes }, (_, k) => logits[n * classes + k]!);
  const largest = Math.max(...row);
  const powers = row.map((value) => Math.exp(value - largest));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

/** The mean over samples of -log softmax(logits)[label]. */
export function crossEntropy(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): number {
  let sum = 0;
  for (let n = 0; n < labels.length; n++) {
    const row = Array.from({ length: classes }, (_, k) => logits[n * classes + k]!);
    const largest = Math.max(...row);
    // Of a probability that rounds to 0 the logarithm would be infinite.
    const logTotal = Math.log(row.reduce((total, value) => total + Math.exp(value - largest), 0));
    sum += logTotal + largest - row[labels[n]!]!;
  }
  return sum / labels.length;
}

/** Gradient of {@linkcode crossEntropy}: (softmax - one-hot) / N. */
export function crossEntropyGradient(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): Float64Array {
  return Float64Array.from({ length: labels.length * classes }, (_, i) => {
    const n = Math.floor(i / classes);
    const k = i % classes;
    return (softmax(logits, classes, n)[k]! - (labels[n] === k ? 1 : 0)) / labels.length;
  });
}
