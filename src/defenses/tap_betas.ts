/** How much the attention of each tap of a network counts. */

import { UsageError } from "../errors.ts";
import type { Shape } from "../tensor/tensor.ts";
import type { DistillationSettings } from "./defense.ts";

/** What was asked for, before the network was known. */
export interface BetaRequest {
  /** A weight for each tap; undefined for the recipe's. */
  readonly given: readonly number[] | undefined;
  /** The recipe's weights, of the paper's three taps. */
  readonly recipe: readonly number[];
  /** Numbers of the taps that count, from 1; undefined for all. */
  readonly taps: readonly number[] | undefined;
  /** How two maps are compared. */
  readonly distance: DistillationSettings["distance"];
}

/**
 * The weight of each tap of a network. The recipe's weights belong to the last taps; where there are
 * more, the first weight serves for those before, too.
 *
 * @param shapes (C,H,W) of the network's taps.
 * @throws {UsageError} where weights or taps were asked for that the network does not have.
 */
export function tapBetas(shapes: readonly Shape[], request: BetaRequest): number[] {
  const { given, recipe, taps, distance } = request;
  const count = shapes.length;
  if (given && given.length !== count) {
    throw new UsageError(
      `cannot weigh ${count} taps by ${given.length} betas: expected a beta for each tap of the network`,
    );
  }
  const unknown = taps?.find((tap) => tap > count);
  if (unknown !== undefined) {
    throw new UsageError(
      `cannot distil the attention of tap ${unknown}: the network has ${count}, expected some of ` +
        shapes.map((_, i) => i + 1).join(", "),
    );
  }
  const standard = shapes.map((_, i) => recipe[Math.max(0, recipe.length - count + i)]!);
  const betas = given ?? (distance === "l2" ? l2Betas(standard, shapes) : standard);
  return betas.map((beta, i) => !taps || taps.includes(i + 1) ? beta : 0);
}

/**
 * Weights for the distance `l2` that count about as much as `betas` do for `mean`: β / (H W) of the
 * tap, which makes the two losses equal where ‖a - b‖ is 1.
 */
export function l2Betas(betas: readonly number[], shapes: readonly Shape[]): number[] {
  return betas.map((beta, tap) => {
    const [, height = 1, width = 1] = shapes[tap]!;
    return beta / (height * width);
  });
}
