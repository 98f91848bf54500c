/** Learning rates over the steps of a training run. */

/** Names of the schedules, as `--lr-schedule` takes them. */
export const SCHEDULES = ["authors", "paper", "constant", "cosine", "one-cycle"] as const;

/** One of {@linkcode SCHEDULES}. */
export type Schedule = typeof SCHEDULES[number];

/** Share of a one-cycle run that warms up, and its first and last factors: PyTorch's defaults. */
const ONE_CYCLE = { warmUp: 0.3, first: 1 / 25, last: 1 / 25 / 1e4 };

/** Where in a run a step lies. */
export interface StepPosition {
  /** From 0. */
  readonly epoch: number;
  /** Within the epoch, from 0. */
  readonly step: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
}

/**
 * Factor on the initial learning rate:
 * - `paper`: divided by 10 every 2 epochs;
 * - `authors`: 1 for epochs 0 and 1, then 0.1, from epoch 20 on 0.001 (`main.py` of their code);
 * - `constant`: 1;
 * - `cosine`: from 1 to 0 over all steps, (1 + cos π t) / 2;
 * - `one-cycle`: from 1/25 up to 1 in the first 30 % of the steps and down to 4e-6, both by cosine
 *   (Smith & Topin 2018, with the defaults of `torch.optim.lr_scheduler.OneCycleLR`).
 */
export function learningRateFactor(schedule: Schedule, position: StepPosition): number {
  const { epoch, step, epochs, stepsPerEpoch } = position;
  const done = epoch * stepsPerEpoch + step;
  const total = epochs * stepsPerEpoch;
  switch (schedule) {
    case "paper":
      return 10 ** -Math.floor(epoch / 2);
    case "authors":
      return epoch < 2 ? 1 : epoch < 20 ? 0.1 : 0.001;
    case "constant":
      return 1;
    case "cosine":
      return (1 + Math.cos(Math.PI * done / total)) / 2;
    case "one-cycle": {
      const peak = ONE_CYCLE.warmUp * total - 1;
      const anneal = (from: number, to: number, t: number) =>
        to + (from - to) * (1 + Math.cos(Math.PI * t)) / 2;
      return done <= peak
        ? anneal(ONE_CYCLE.first, 1, done / peak)
        : anneal(1, ONE_CYCLE.last, (done - peak) / Math.max(1, total - 1 - peak));
    }
  }
}

/** The learning rate of every step of an epoch, (steps). */
export function epochLearningRates(
  schedule: Schedule,
  learningRate: number,
  position: Omit<StepPosition, "step">,
): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    { length: position.stepsPerEpoch },
    (_, step) => learningRate * learningRateFactor(schedule, { ...position, step }),
  );
}
