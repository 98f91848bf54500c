/** The attacks by name. */

import { nearestName } from "../data/nearest_name.ts";
import { UsageError } from "../errors.ts";
import { quoted } from "../text/quoted.ts";
import type { Attack } from "./attack.ts";
import { adapBlend } from "./adap_blend.ts";
import { badnets } from "./badnets.ts";
import { blend } from "./blend.ts";
import { bpp } from "./bpp.ts";
import { cleanLabel } from "./clean_label.ts";
import { ctrl } from "./ctrl.ts";
import { ftrojan } from "./ftrojan.ts";
import { refool } from "./refool.ts";
import { sig } from "./sig.ts";
import { tact } from "./tact.ts";
import { trojan } from "./trojan.ts";
import { wanet } from "./wanet.ts";

/** All attacks; a new one is a file and a line here. */
export const ATTACKS: readonly Attack[] = [
  badnets,
  blend,
  trojan,
  cleanLabel,
  sig,
  refool,
  wanet,
  adapBlend,
  bpp,
  ftrojan,
  ctrl,
  tact,
];

/**
 * The attack of a name.
 *
 * @throws {UsageError} naming the known ones.
 */
export function findAttack(name: string): Attack {
  const attack = ATTACKS.find((candidate) => candidate.name === name);
  if (attack) return attack;
  const names = ATTACKS.map((candidate) => candidate.name);
  const near = nearestName(name, names);
  throw new UsageError(
    `unknown attack ${quoted(name)}: expected ${names.join(", ")}` +
      (near === undefined ? "" : `; did you mean "${near}"?`),
  );
}
