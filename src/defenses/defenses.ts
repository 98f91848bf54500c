/** All defences. A new one is a file of its own and a line here. */

import { UsageError } from "../errors.ts";
import type { Defense } from "./defense.ts";
import { finePruning } from "./fine_pruning.ts";
import { finetune } from "./finetune.ts";
import { modeConnectivity } from "./mode_connectivity.ts";
import { nad } from "./nad.ts";
import { none } from "./none.ts";

/** Every defence, in the order of help texts. */
export const DEFENSES: readonly Defense[] = [
  nad,
  finetune,
  finePruning,
  modeConnectivity,
  none,
];

/**
 * The defence of a name.
 *
 * @throws {UsageError} for an unknown name.
 */
export function findDefense(name: string): Defense {
  const found = DEFENSES.find((defense) => defense.name === name);
  if (found) return found;
  const names = DEFENSES.map((defense) => defense.name).join(", ");
  throw new UsageError(`cannot defend by ${name}: expected one of ${names}`);
}
