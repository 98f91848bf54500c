/** Telling an accuracy from that of guessing. */

import type { Share } from "./confusion.ts";

/** Standard deviations above guessing below which an accuracy says nothing. */
const DEVIATIONS = 3;

/** Accuracies up to this multiple of guessing are useless, however many images show them. */
const FACTOR = 1.5;

/**
 * True where a network with this accuracy on `samples` images is hardly better than guessing; false
 * where its accuracy was not measured, for then nothing is known.
 */
export function isNearChance(accuracy: Share, samples: number, classes: number): boolean {
  if (accuracy === null) return false;
  const chance = 1 / classes;
  const deviation = Math.sqrt(chance * (1 - chance) / samples);
  return accuracy <= Math.max(FACTOR * chance, chance + DEVIATIONS * deviation);
}
