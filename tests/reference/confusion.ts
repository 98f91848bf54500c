/** Counts of (label, predicted class). */

/** logits (N,K), labels (N) -> counts (K,K); the first of equal logits wins. */
export function confusion(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): Uint32Array {
  const counts = new Uint32Array(classes * classes);
  for (let n = 0; n < labels.length; n++) {
    let predicted = 0;
    for (let k = 1; k < classes; k++) {
      if (logits[n * classes + k]! > logits[n * classes + predicted]!) predicted = k;
    }
    counts[labels[n]! * classes + predicted]!++;
  }
  return counts;
}
