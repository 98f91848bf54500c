/**
 * Which epoch of a training run is kept: chosen by images that are clean and not trained on, and by
 * nothing else.
 */

import type { StateDict } from "../formats/host_tensor.ts";

/** How to choose. */
export interface Selection {
  /** Measures the model on the held-out images. */
  measure(): Promise<{ readonly correct: number; readonly samples: number }>;
  /** Epochs without a better one after which the run ends; 0 runs all. */
  readonly patience: number;
}

/** What has been kept so far. */
export interface Kept {
  /** Epochs done when it was kept. */
  readonly epoch: number;
  /** Best held-out accuracy of any epoch, 0..1; within its standard error of that of this one. */
  readonly bestAccuracy: number;
  /** Epochs done when that was reached. */
  readonly bestEpoch: number;
  /** The kept network. */
  readonly state: StateDict;
}

/**
 * The choice after an epoch: the latest one whose accuracy is within a standard error of the best, as
 * Breiman et al., "Classification and Regression Trees" (1984), section 3.4.3, choose among models
 * that accuracy cannot tell apart. A few hundred images cannot tell most epochs apart, and what is
 * to be forgotten is forgotten more with every epoch.
 */
export function choose(
  kept: Omit<Kept, "state"> | undefined,
  epoch: number,
  { correct, samples }: { correct: number; samples: number },
): Omit<Kept, "state"> {
  const accuracy = correct / samples;
  if (!kept || accuracy > kept.bestAccuracy) {
    return { epoch, bestAccuracy: accuracy, bestEpoch: epoch };
  }
  const { bestAccuracy } = kept;
  const standardError = Math.sqrt(bestAccuracy * (1 - bestAccuracy) / samples);
  return accuracy >= bestAccuracy - standardError ? { ...kept, epoch } : kept;
}
