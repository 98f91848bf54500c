/** Telling an accuracy from that of guessing. */

/** Standard deviations above guessing below which an accuracy says nothing. */
const DEVIATIONS = 3;

/** Accuracies up to this multiple of guessing are useless, however many images show them. */
const FACTOR = 1.5;

/** True where a network with this accuracy (0..1) on `samples` images is hardly better than guessing. */
export function isNearChance(accuracy: number, samples: number, classes: number): boolean {
  const chance = 1 / classes;
  const deviation = Math.sqrt(chance * (1 - chance) / samples);
  return accuracy <= Math.max(FACTOR * chance, chance + DEVIATIONS * deviation);
}
