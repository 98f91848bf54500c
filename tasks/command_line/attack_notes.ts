/** The attacks and their options, as the help lists them. */

import { ATTACKS } from "../../src/attacks/attacks.ts";
import { optionsHelp } from "../../src/attacks/options.ts";
import type { Note } from "./command.ts";

const ATTACK_NAMES: Note["entries"] = ATTACKS.map(({ name, description }) => [name, description]);

const OPTIONS: readonly Note[] = ATTACKS.map(({ name, options }) => ({
  heading: `Options of ${name}`,
  entries: optionsHelp(options),
  expert: true,
}));

/** What can be trained. */
export const TRAINED_ATTACKS: readonly Note[] = [
  { heading: "Attacks", entries: ATTACK_NAMES, expert: false },
  ...OPTIONS,
];

/** What can be measured. */
export const MEASURED_ATTACKS: readonly Note[] = [
  {
    heading: "Attacks",
    entries: [
      ...ATTACK_NAMES,
      ["recorded", "what the model's own metadata say"],
      ["FILE.safetensors", "what that model's metadata say"],
    ],
    expert: true,
  },
  ...OPTIONS,
];
