/** Which training images a defender holds, and which of those are held out for validation. */

import { UsageError } from "../errors.ts";
import { RandomPurpose, RandomStream, shuffle } from "./random.ts";

/**
 * A random share of the images 0..count-1, in ascending order.
 *
 * Holds `round(count * fraction)` indices, drawn without replacement; for one seed a larger fraction
 * contains every smaller one. Throws {@linkcode UsageError} unless `fraction` is in (0,1] and at
 * least one image results.
 */
export function cleanFraction(
  count: number,
  fraction: number,
  seed: number,
): Uint32Array<ArrayBuffer> {
  if (!(fraction > 0 && fraction <= 1)) {
    throw new UsageError(
      `cannot take a clean subset: found fraction ${fraction}, expected above 0 and at most 1`,
    );
  }
  const size = Math.round(count * fraction);
  if (size === 0) {
    throw new UsageError(
      `cannot take a clean subset: fraction ${fraction} of ${count} images is no image, ` +
        `expected at least one`,
    );
  }
  return shuffle(count, new RandomStream(seed, RandomPurpose.cleanSubset)).slice(0, size).sort();
}

/**
 * The indices A to B-1 of the text "A:B"; A may be left out for 0 and B for `count`.
 * Throws {@linkcode UsageError} for other text, an empty range, or one that ends beyond `count`.
 */
export function indexRange(text: string, count: number): Uint32Array<ArrayBuffer> {
  const match = /^(\d*):(\d*)$/.exec(text.trim());
  if (match === null) {
    throw new UsageError(
      `cannot read an index range: found "${text}", expected "A:B" for records A to B-1`,
    );
  }
  const from = match[1] === "" ? 0 : Number(match[1]);
  const to = match[2] === "" ? count : Number(match[2]);
  if (to > count) {
    throw new UsageError(
      `cannot take the index range ${text}: found ${count} records, expected at least ${to}`,
    );
  }
  if (from >= to) {
    throw new UsageError(
      `cannot take the index range ${text}: it holds no record, expected A below B`,
    );
  }
  return Uint32Array.from({ length: to - from }, (_, i) => from + i);
}

/**
 * Indices of `count` images, or of all where there are fewer, of all classes alike: the first image of
 * each class in file order, then the second of each, and so on; the last round goes to the lower
 * classes. `labels[i]` is the class of image i. Ascending.
 */
export function evenSubset(
  labels: ArrayLike<number>,
  count: number,
): Uint32Array<ArrayBuffer> {
  const byClass = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const members = byClass.get(labels[i]!);
    if (members === undefined) byClass.set(labels[i]!, [i]);
    else members.push(i);
  }
  let classes = [...byClass].sort(([a], [b]) => a - b).map(([, members]) => members);
  const chosen: number[] = [];
  for (let round = 0; classes.length > 0 && chosen.length < count; round++) {
    classes = classes.filter((members) => round < members.length);
    for (const members of classes.slice(0, count - chosen.length)) chosen.push(members[round]!);
  }
  return Uint32Array.from(chosen).sort();
}

/** The two parts of {@linkcode splitHeldOut}, each in ascending order. */
export interface HeldOutSplit {
  /** What is left to train on. */
  readonly kept: Uint32Array<ArrayBuffer>;
  /** What is only measured on. */
  readonly heldOut: Uint32Array<ArrayBuffer>;
}

/**
 * Splits `indices` so that `round(share * length)` of them are held out, from every class in
 * proportion (largest remainders; ties go to the lower class). A class never loses its last image,
 * which can make the held-out part smaller. `labels[i]` is the class of index i; splits for another
 * `purpose` are independent.
 *
 * Throws {@linkcode UsageError} unless `share` is in (0,1) and both parts hold an image.
 */
export function splitHeldOut(
  indices: ArrayLike<number>,
  labels: ArrayLike<number>,
  share: number,
  seed: number,
  purpose: RandomPurpose = RandomPurpose.heldOut,
): HeldOutSplit {
  if (!(share > 0 && share < 1)) {
    throw new UsageError(
      `cannot hold out images: found share ${share}, expected above 0 and below 1`,
    );
  }
  const byClass = new Map<number, number[]>();
  for (const index of Array.from(indices).sort((a, b) => a - b)) {
    const label = labels[index];
    if (label === undefined) {
      throw new UsageError(
        `cannot hold out images: found index ${index}, expected below ${labels.length}`,
      );
    }
    const members = byClass.get(label);
    if (members === undefined) byClass.set(label, [index]);
    else members.push(index);
  }
  const classes = [...byClass.keys()].sort((a, b) => a - b).map((label) => {
    const members = byClass.get(label)!;
    const exact = members.length * share;
    const take = Math.min(Math.floor(exact), members.length - 1);
    return { label, members, take, remainder: exact - take };
  });
  let missing = Math.round(indices.length * share) - classes.reduce((sum, c) => sum + c.take, 0);
  for (const group of [...classes].sort((a, b) => b.remainder - a.remainder)) {
    if (missing <= 0) break;
    if (group.take + 1 < group.members.length) {
      group.take++;
      missing--;
    }
  }
  const kept: number[] = [];
  const heldOut: number[] = [];
  for (const { label, members, take } of classes) {
    const order = shuffle(members.length, new RandomStream(seed, purpose, label));
    order.forEach((position, rank) => (rank < take ? heldOut : kept).push(members[position]!));
  }
  if (heldOut.length === 0 || kept.length === 0) {
    throw new UsageError(
      `cannot hold out a share of ${share}: ${indices.length} images leave ` +
        `${kept.length} to train on and ${heldOut.length} held out, expected at least one of each`,
    );
  }
  return { kept: Uint32Array.from(kept).sort(), heldOut: Uint32Array.from(heldOut).sort() };
}
