/** Numbers as a report writes them. Spaces before units do not break. */

import type { Share } from "../train/confusion.ts";
import { wilsonInterval } from "../train/interval.ts";

/** What people read in place of a share of no images. */
export const NOT_MEASURED = "not measured";

/** For example `84.80 %`, of 0.848. */
export function percent(share: Share): string {
  return share === null ? NOT_MEASURED : `${(100 * share).toFixed(2)}\u00a0%`;
}

/** Where a share of images lies with 95 % confidence, for example `81.4 to 93.8 %`. */
export function rangeText(part: number, whole: number): string {
  const interval = wilsonInterval(part, whole);
  if (!interval) return NOT_MEASURED;
  const [low, high] = interval.map((share) => (100 * share).toFixed(1));
  return `${low} to ${high}\u00a0%`;
}

/** Difference of two shares in percentage points, for example `1.40 points`. */
export function points(difference: number): string {
  return `${(100 * difference).toFixed(2)}\u00a0points`;
}

/** For example `10,000`. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** A count with what is counted, for example `1 image` or `3 images`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Names that a sentence lists before it counts the rest. */
export const MOST_NAMES = 10;

/** Names with commas between; of many the first ten and a count, for example `3 more`. */
export function listed(names: readonly string[]): string {
  const rest = names.length - MOST_NAMES;
  return [...names.slice(0, MOST_NAMES), ...rest > 0 ? [`${count(rest)} more`] : []].join(", ");
}

/** Words as a sentence, for example `Attack success: not measured.` */
export function sentence(words: string): string {
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}.`;
}

/** Three significant digits, for example `2.14` or `3.58e-5`. */
export function significant(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) {
    return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  }
  return String(Number(value.toPrecision(3)));
}

/** For example `12 s`, `3 min 5 s` or `2 h 4 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const parts = hours > 0
    ? [`${hours}\u00a0h`, `${minutes}\u00a0min`]
    : [...minutes > 0 ? [`${minutes}\u00a0min`] : [], `${whole % 60}\u00a0s`];
  return parts.join(" ");
}
