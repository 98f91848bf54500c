/** Going on along the way that training has come, in the space of parameters. */

import { UsageError } from "../errors.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import type { Architecture } from "../nn/architecture.ts";
import { floats, withValues } from "../nn/state.ts";

/**
 * trained + share (trained - start) for every parameter. After Ilharco et al., "Editing Models with
 * Task Arithmetic" (ICLR 2023), who add multiples of the way from one network to another; here more is
 * added of what finetuning has done.
 *
 * Running statistics stay as trained, which fit the result no more: they have to be estimated anew.
 */
export function extrapolated(
  architecture: Architecture,
  { start, trained }: { start: StateDict; trained: StateDict },
  share: number,
): StateDict {
  const kinds = new Map(architecture.entries.map(({ name, kind }) => [name, kind]));
  return withValues(architecture, trained, (name, values) => {
    if (kinds.get(name) !== "parameter") return values;
    const from = floats(start.get(name)!);
    return values.map((value, i) => value + share * (value - from[i]!));
  });
}

/**
 * Parameters that have gone on do not fit the batch-norm statistics of those that were trained.
 *
 * @throws {UsageError} for an extrapolation with the statistics of training.
 */
export function expectFreshStatistics(
  extrapolation: number | undefined,
  statistics: "training" | "clean",
): void {
  if (!extrapolation || statistics === "clean") return;
  throw new UsageError(
    `cannot extrapolate by ${extrapolation} and keep the batch-norm statistics of training, which ` +
      "would not fit: use --statistics clean, or --extrapolation 0",
  );
}
