/** A backdoor as text, so that a model's file can say what was done to it. */

import { FormatError } from "../errors.ts";
import type { Backdoor } from "../data/backdoor.ts";
import { findAttack } from "./attacks.ts";
import { isPicture, readPicture } from "./picture_option.ts";
import type { Target } from "../data/target.ts";

/** Everything that determines a backdoor, as JSON can hold it. */
export interface BackdoorDescription {
  /** Name of the attack. */
  readonly name: string;
  /** What the trigger is to make of an image. */
  readonly target: Target;
  /** Parameters of the trigger. */
  readonly options: Readonly<Record<string, string>>;
  /** Seed of the trigger. */
  readonly seed: number;
}

/** Key of the safetensors metadata under which a model carries its {@linkcode BackdoorDescription}. */
export const BACKDOOR_KEY = "lethe.attack";

/**
 * Reads the files that the options name, so that the description needs them no more.
 *
 * @throws {UsageError} for an unknown attack.
 * @throws {FormatError} for a file that cannot be read or has the wrong shape.
 */
export async function readTriggerFiles(
  description: BackdoorDescription,
  size: { height: number; width: number },
): Promise<BackdoorDescription> {
  const { files = [] } = findAttack(description.name);
  const options = { ...description.options };
  for (const name of files) {
    const value = options[name];
    if (value !== undefined && !isPicture(value)) {
      options[name] = await readPicture(value, size);
    }
  }
  return { ...description, options };
}

/**
 * Makes the trigger for images of the given size.
 *
 * @throws {UsageError} for an unknown attack or impossible options.
 */
export function buildBackdoor(
  description: BackdoorDescription,
  size: { height: number; width: number },
): Backdoor {
  const { name, target, options, seed } = description;
  const trigger = findAttack(name).trigger({ ...size, options, seed });
  return { name, trigger, target };
}

/**
 * Refuses impossible options, also of attacks that need to be prepared first.
 *
 * @throws {UsageError} for an unknown attack or impossible options.
 */
export function checkBackdoor(
  { name, options, seed }: BackdoorDescription,
  { height, width }: { height: number; width: number },
): void {
  const attack = findAttack(name);
  const request = { height, width, options, seed };
  if (attack.check) attack.check(request);
  else attack.trigger(request);
}

/** Whether an attack is named by a model's file, whose metadata describe it. */
export function isModelFile(attack: string): boolean {
  return attack.endsWith(".safetensors");
}

/**
 * The description in a model's metadata.
 *
 * @throws {FormatError} where there is none, or it cannot be read.
 */
export function recordedBackdoor(
  metadata: ReadonlyMap<string, string>,
  source: string,
): BackdoorDescription {
  const text = metadata.get(BACKDOOR_KEY);
  if (text === undefined) {
    throw new FormatError(
      `cannot measure the recorded attack of ${source}: its metadata has no ${BACKDOOR_KEY}; ` +
        "name the attack by --attack",
    );
  }
  const found = parse(text);
  if (!isDescription(found)) {
    throw new FormatError(
      `cannot read the recorded attack of ${source}: its ${BACKDOOR_KEY} is "${
        text.slice(0, 80)
      }", expected name, target, options and seed as JSON`,
    );
  }
  return found;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isDescription(value: unknown): value is BackdoorDescription {
  if (typeof value !== "object" || value === null) return false;
  const { name, target, options, seed } = value as Partial<BackdoorDescription>;
  return typeof name === "string" && Number.isInteger(seed) &&
    typeof options === "object" && options !== null &&
    Object.values(options).every((option) => typeof option === "string") &&
    (target?.mode === "all2one" || target?.mode === "all2all") && Number.isInteger(target.label);
}
