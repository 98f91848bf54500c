/** What an attack is to the rest of the project. A new attack is one file and one registry line. */

import type { PixelTrigger, Trigger } from "./trigger.ts";

/** What a trigger is made for. */
export interface TriggerRequest {
  /** Pixels. */
  readonly height: number;
  /** Pixels. */
  readonly width: number;
  /** For triggers that are drawn at random. */
  readonly seed: number;
  /** Parameters by name, as text; those not given have the attack's defaults. */
  readonly options: Readonly<Record<string, string>>;
}

/** A backdoor attack: a trigger, and how training images are chosen to carry it. */
export interface Attack {
  /** As `--attack` takes it. */
  readonly name: string;
  /** One line for help texts, with its source. */
  readonly description: string;
  /** Parameters of the trigger: a line of help for each. */
  readonly options: Readonly<Record<string, string>>;
  /**
   * Those of the options that name files. They are read before the trigger is made and replaced by
   * their content (`picture_option.ts`), so that a recorded attack needs no file.
   */
  readonly files?: readonly string[];
  /**
   * `changed`: images of other classes get the trigger and the target label. `kept`: images of the
   * target class get the trigger and keep their label.
   */
  readonly labels: "changed" | "kept";
  /** Share of the whole training set (labels changed) or of the target class (labels kept). */
  readonly defaultRate: number;
  /**
   * Makes the trigger; a pure function of its argument.
   *
   * @throws {UsageError} for an unknown option or an impossible value.
   */
  trigger(request: TriggerRequest): Trigger;
}

/** An attack whose trigger the GPU can stamp. */
export interface PixelAttack extends Attack {
  trigger(request: TriggerRequest): PixelTrigger;
}
