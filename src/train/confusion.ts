/**
 * Accuracy and attack success from confusion matrices. All counts are exact integers; a share of no
 * images is null, for nothing was measured.
 */

import { countsForAttack, type Target, targetOf } from "../data/target.ts";

/** Counts of (label, predicted class), (K,K) in C order. */
export interface Confusion {
  /** K */
  readonly classes: number;
  /** Images with label i that were classified as j, at i K + j. */
  readonly counts: Uint32Array;
}

/** A share of images, 0..1; null where there was no image to measure it on. */
export type Share = number | null;

/** Results on untouched images. */
export interface CleanCounts {
  /** Images in all. */
  readonly samples: number;
  /** Images classified as their own class. */
  readonly correct: number;
  /** correct / samples */
  readonly accuracy: Share;
}

/** Results on the images outside the target class, with and without the trigger. */
export interface AttackCounts {
  /** Images outside their target class. */
  readonly samples: number;
  /** Triggered images classified as their target class. */
  readonly success: number;
  /** success / samples */
  readonly successRate: Share;
  /** Triggered images classified as their own class. */
  readonly correct: number;
  /** correct / samples */
  readonly recoveredAccuracy: Share;
  /** The same images, untouched, classified as their own class. */
  readonly correctNonTarget: number;
  /** correctNonTarget / samples */
  readonly accuracyNonTarget: Share;
}

/** Sum of the counts for which `choose(label, predicted)` holds. */
function sum(
  { classes, counts }: Confusion,
  choose: (label: number, predicted: number) => boolean,
): number {
  return counts.reduce(
    (total, count, i) => choose(Math.floor(i / classes), i % classes) ? total + count : total,
    0,
  );
}

/** Share of `part` in `whole`; null of nothing. */
function share(part: number, whole: number): Share {
  return whole === 0 ? null : part / whole;
}

/** Accuracy on untouched images. */
export function cleanCounts(clean: Confusion): CleanCounts {
  const samples = sum(clean, () => true);
  const correct = sum(clean, (label, predicted) => label === predicted);
  return { samples, correct, accuracy: share(correct, samples) };
}

/** Attack success and recovered accuracy, given the same images untouched and triggered. */
export function attackCounts(clean: Confusion, triggered: Confusion, target: Target): AttackCounts {
  const { classes } = clean;
  const counted = (label: number) => countsForAttack(target, label, classes);
  const own = (label: number, predicted: number) => counted(label) && label === predicted;
  const samples = sum(triggered, counted);
  const success = sum(
    triggered,
    (label, predicted) => counted(label) && predicted === targetOf(target, label, classes),
  );
  const correct = sum(triggered, own);
  const correctNonTarget = sum(clean, own);
  return {
    samples,
    success,
    successRate: share(success, samples),
    correct,
    recoveredAccuracy: share(correct, samples),
    correctNonTarget,
    accuracyNonTarget: share(correctNonTarget, samples),
  };
}
