/** What is measured of a backdoored network: a trigger, and what it is meant to do. */

import type { Target } from "./target.ts";
import type { Trigger } from "./trigger.ts";

/** A trigger and what it is meant to do. */
export interface Backdoor {
  /** Name of the attack. */
  readonly name: string;
  /** What is put on an image. */
  readonly trigger: Trigger;
  /** What the image is to become. */
  readonly target: Target;
}
