/** Which training images an attacker poisons, and what their labels become. */

import { TRIGGERED } from "../../shaders/gather.ts";
import { RandomPurpose, RandomStream, shuffle } from "../data/random.ts";
import { DataError, UsageError } from "../errors.ts";
import type { Attack } from "./attack.ts";
import { countsForAttack, type Target, targetOf } from "../data/target.ts";

/** A poisoned training set, described without copying an image. */
export interface Poisoning {
  /** Every record once, in file order; poisoned ones have the bit `TRIGGERED`. */
  readonly indices: Uint32Array<ArrayBuffer>;
  /** Labels after poisoning. */
  readonly labels: Uint16Array<ArrayBuffer>;
  /** The poisoned records, ascending. */
  readonly poisoned: Uint32Array<ArrayBuffer>;
  /** The covers, ascending: images that carry something and keep their label. */
  readonly covers: Uint32Array<ArrayBuffer>;
}

/**
 * Chooses the images to poison. Labels changed: `round(rate N)` of the images outside the target
 * class (or all of those, if fewer). Labels kept: `round(rate n)` of the target class's n images.
 * Covers are drawn from all images that are not poisoned; where one class alone is led astray, from
 * the others.
 *
 * @throws {UsageError} for a rate outside (0,1], or all2all with an attack that keeps labels.
 * @throws {DataError} for a rate that selects no image.
 */
export function poison(
  labels: ArrayLike<number>,
  classes: number,
  attack: Attack,
  settings: { target: Target; rate: number; seed: number; coversPerPoisoned?: number },
): Poisoning {
  const { target, rate, seed, coversPerPoisoned = 0 } = settings;
  if (!(rate > 0 && rate <= 1)) {
    throw new UsageError(`cannot poison a share of ${rate}: expected above 0 and at most 1`);
  }
  if (attack.labels === "kept" && target.mode === "all2all") {
    throw new UsageError(
      `cannot aim ${attack.name} all2all: it keeps labels, so it has one target class`,
    );
  }
  const candidates: number[] = [];
  for (let i = 0; i < labels.length; i++) {
    const counts = countsForAttack(target, labels[i]!, classes);
    if (counts === (attack.labels === "changed")) candidates.push(i);
  }
  const whole = attack.labels === "changed" ? labels.length : candidates.length;
  const count = Math.min(Math.round(rate * whole), candidates.length);
  if (count === 0) {
    throw new DataError(
      `cannot poison a share of ${rate} of ${whole} images: it selects no image`,
    );
  }
  const random = new RandomStream(seed, RandomPurpose.poison);
  const draw = (from: readonly number[], count: number) =>
    shuffle(from.length, random).slice(0, count).map((i) => from[i]!).sort();
  const poisoned = draw(candidates, count);
  const indices = Uint32Array.from({ length: labels.length }, (_, i) => i);
  const changed = Uint16Array.from(labels);
  for (const i of poisoned) {
    indices[i] = (i | TRIGGERED) >>> 0;
    if (attack.labels === "changed") changed[i] = targetOf(target, labels[i]!, classes);
  }
  const others: number[] = [];
  for (let i = 0; coversPerPoisoned > 0 && i < labels.length; i++) {
    if (indices[i] === i && labels[i] !== target.source) others.push(i);
  }
  const covers = draw(others, Math.round(coversPerPoisoned * poisoned.length));
  return { indices, labels: changed, poisoned, covers };
}
