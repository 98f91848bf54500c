/** Reading the values of flags. What is thrown here, commander shows with the flag's name. */

import type { Corruption } from "../../shaders/corruption.ts";
import { InvalidArgumentError, Option } from "npm:commander@15.1.0";

function refuse(text: string, expected: string): never {
  throw new InvalidArgumentError(`Found "${text}", expected ${expected}.`);
}

/** A number in a range that `allowed` tells; `expected` says it in words. */
export function number(expected: string, allowed: (value: number) => boolean) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || !allowed(value)) refuse(text, expected);
    return value;
  };
}

/** A whole number of at least `least`. */
export function integer(least: number) {
  return number(
    `a whole number of at least ${least}`,
    (value) => Number.isSafeInteger(value) && value >= least,
  );
}

/** Numbers between commas, as many as `count` where it is given. */
export function numbers(expected: string, allowed: (value: number) => boolean, count?: number) {
  return (text: string): number[] => {
    const values = text.split(",").map((part) => part.trim() === "" ? NaN : Number(part));
    const fits = count === undefined || values.length === count;
    if (!fits || !values.every((value) => Number.isFinite(value) && allowed(value))) {
      refuse(text, expected);
    }
    return values;
  };
}

/** Words between commas, each one of `known`. */
export function words(known: readonly string[]) {
  return (text: string): string[] => {
    const found = text.split(",").map((part) => part.trim());
    const unknown = found.find((word) => !known.includes(word));
    if (unknown !== undefined) refuse(unknown, `some of ${known.join(", ")}`);
    return found;
  };
}

/**
 * Disturbances as `mix:0.4:0.3,wave:0.4:0.1,patch:0.3:8` (probability and strength, amplitude or size
 * of each), or `none`. What is left out happens never.
 */
export function corruption(text: string): Corruption | null {
  if (text === "none") return null;
  const expected = "some of mix:P:STRENGTH, wave:P:AMPLITUDE and patch:P:SIZE, or none";
  const found = { mix: [0, 0], wave: [0, 0], patch: [0, 2] } as Record<string, number[]>;
  for (const part of text.split(",")) {
    const [name = "", ...numbers] = part.split(":");
    const [probability = NaN, strength = NaN] = numbers.map(Number);
    const right = name === "patch"
      ? Number.isInteger(strength) && strength >= 2
      : strength >= 0 && strength <= 1;
    if (
      !(name in found) || numbers.length !== 2 || !(probability >= 0 && probability <= 1) || !right
    ) {
      refuse(part, expected);
    }
    found[name] = [probability, strength];
  }
  const [mix, wave, patch] = [found.mix!, found.wave!, found.patch!];
  return {
    mix: { probability: mix[0]!, strength: mix[1]! },
    wave: { probability: wave[0]!, amplitude: wave[1]! },
    patch: { probability: patch[0]!, size: patch[1]! },
  };
}

/** KEY=VALUE pairs between commas. */
export function pairs(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(",").map((part) => {
      const at = part.indexOf("=");
      if (at < 1) refuse(part, "KEY=VALUE, with commas between pairs");
      return [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    }),
  );
}

/** A flag whose value is read by `parse`. */
export function flag(flags: string, description: string, parse: (text: string) => unknown): Option {
  return new Option(flags, description).argParser(parse);
}
