/** Random disturbances of images, as text and as `run.json` has them. */

import type { Corruption } from "../../shaders/corruption.ts";
import { type Kind, number, whole } from "../text/kinds.ts";

const share = number({ least: 0, most: 1 });

/** Each disturbance: how its second number is called, what that may be, and what it is when off. */
const PARTS = {
  mix: { name: "strength", kind: share, off: 0 },
  wave: { name: "amplitude", kind: share, off: 0 },
  patch: { name: "size", kind: whole({ least: 2 }), off: 2 },
} as const;

const isPart = (name: string): name is keyof typeof PARTS => Object.hasOwn(PARTS, name);

/** Probability and second number of a disturbance. */
type Numbers = readonly [probability: number, other: number];

function corruption(parts: Readonly<Partial<Record<keyof typeof PARTS, Numbers>>>): Corruption {
  const { mix = [0, PARTS.mix.off], wave = [0, PARTS.wave.off], patch = [0, PARTS.patch.off] } =
    parts;
  return {
    mix: { probability: mix[0], strength: mix[1] },
    wave: { probability: wave[0], amplitude: wave[1] },
    patch: { probability: patch[0], size: patch[1] },
  };
}

const PART: Kind<readonly [keyof typeof PARTS, Numbers]> = {
  expected: "",
  parse(text) {
    const [name = "", first = "", second = "", ...more] = text.split(":", 4);
    if (!isPart(name) || more.length > 0) return undefined;
    const [probability, other] = [share.parse(first), PARTS[name].kind.parse(second)];
    if (probability === undefined || other === undefined) return undefined;
    return [name, [probability, other]];
  },
  read: () => undefined,
  write: ([name, numbers]) => [name, ...numbers].join(":"),
};

/**
 * Disturbances as `mix:0.4:0.3,wave:0.4:0.1,patch:0.3:8` (probability and strength, amplitude or size
 * of each), or `none`, which is null. What is left out never happens.
 */
export const CORRUPTION: Kind<Corruption | null> = {
  expected: "some of mix:P:STRENGTH, wave:P:AMPLITUDE and patch:P:SIZE, or none",
  argument: "list",
  part: PART,
  verbatim: true,
  parse(text) {
    if (text === "none") return null;
    const parts = text.split(",").map((each) => PART.parse(each.trim()));
    const found = parts.filter((part) => part !== undefined);
    return found.length < parts.length ? undefined : corruption(Object.fromEntries(found));
  },
  read(value) {
    if (typeof value === "string") return this.parse(value);
    if (typeof value !== "object" || value === null) return undefined;
    const parts = Object.entries(value).map(([name, how]) => {
      const numbers = isPart(name) ? [how?.probability, how?.[PARTS[name].name]] : [];
      const known = numbers.length > 0 && numbers.every((number) => typeof number === "number");
      return known ? PART.parse([name, ...numbers].join(":")) : undefined;
    });
    const found = parts.filter((part) => part !== undefined);
    return found.length < parts.length ? undefined : corruption(Object.fromEntries(found));
  },
  write: (value) =>
    value === null
      ? "none"
      : Object.entries(value).map(([name, how]) => [name, ...Object.values(how)].join(":")).join(),
};
