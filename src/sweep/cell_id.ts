/** Names of cells: readable, and functions of the settings alone, so that a plan can grow. */

import { createHash } from "node:crypto";
import { cellKinds, type Settings } from "../settings/plan.ts";

/** What a name states, in this order. */
const KEYS: readonly string[] = Object.keys(cellKinds());

/** File systems take names of up to 255 bytes, and files of the cell add to it. */
const LONGEST = 200;

/** Characters of a digest that end a name which would be too long. */
const DIGEST = 16;

/**
 * The name of the cell with these settings, for example
 * `badnets_nad_paper_betas-500+1000+1000_seed-1`: letters, digits and `. + - _`. Two cells have one
 * name only where all settings are equal.
 */
export function cellId(settings: Settings, keys = KEYS): string {
  const parts = keys.flatMap((key) => {
    const value = settings[key];
    if (value === undefined) return [];
    const text = String(value).replaceAll(",", "+").replaceAll(":", "-");
    return key === "model" || key === "defense" || key === "recipe" ? [text] : [`${key}-${text}`];
  });
  const id = parts.join("_");
  if (id.length <= LONGEST) return id;
  const digest = createHash("sha256").update(id).digest("hex").slice(0, DIGEST);
  return `${id.slice(0, LONGEST - DIGEST - 1)}_${digest}`;
}
